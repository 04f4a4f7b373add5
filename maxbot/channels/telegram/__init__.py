"""Telegram: https://core.telegram.org/bots/api

A bot's token is part of every URL of the API: of its calls, and of the files that users send. Neither reaches a
message, a log or an error; a file comes as its `file_id`, which is of use to this bot alone.
"""

from maxbot.channels.telegram.channel import TelegramChannel

__all__ = ["TelegramChannel"]
