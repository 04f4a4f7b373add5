"""Bots whose behaviour a test decides, through the environment and through what their users say."""
