"""WhatsApp's Cloud API: https://developers.facebook.com/documentation/business-messaging/whatsapp

A user is a phone number; one who hides it is known by an id for this business alone (`US.1234`). A reply reaches a user
for 24 hours after the last message; after that only templates do.
"""

from maxbot.channels.whatsapp.channel import WhatsAppChannel

__all__ = ["WhatsAppChannel"]
