"""Inbox: durable first, redeliveries recognised, and work that nobody is awake for is found."""
