"""Messenger: https://developers.facebook.com/documentation/business-messaging/messenger-platform

A user is the sender's id for the page (PSID), and each has a dialog of its own. A reply reaches a user for 24 hours
after the last message; after that the dialog is closed until the user writes again.
"""

from maxbot.channels.facebook.channel import FacebookChannel

__all__ = ["FacebookChannel"]
