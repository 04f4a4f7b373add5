"""Channels: a platform's webhooks become updates, and commands become calls of its API.

`base` is the contract, one file for each platform keeps it. Channels know platforms and nothing of storage, locks or
the bot: who stores an update, when a command is sent and what follows from a failure is left to others.
"""
