"""The web: a chat on a page of one's own, or the one that comes with it."""

from maxbot.channels.web.channel import WebChannel

__all__ = ["WebChannel"]
