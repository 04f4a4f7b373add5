"""The bot as its author writes it: a YAML file or a Python module, read, checked and made ready to run turns.

How a conversation goes on is left to `maxbot.dialog`, and where messages come from and replies go to the channels.
"""

from maxbot.bot.bot import MaxBot
from maxbot.bot.handler import Turn
from maxbot.bot.load import load_bot

__all__ = ["MaxBot", "Turn", "load_bot"]
