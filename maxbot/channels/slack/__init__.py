"""Slack, as an app of one workspace: https://docs.slack.dev/apis/events-api/

Each webhook is signed with its time, and an old one is refused. Whoever does not answer it within three seconds has it
three times more, the last after six minutes, and never again. Users' files can be fetched with the token only: the bot
gets their `file_id` alone.
"""

from maxbot.channels.slack.channel import SlackChannel

__all__ = ["SlackChannel"]
