"""From a parsed webhook to durable work: store updates, recognise redeliveries, find work nobody is awake for.

The inbox knows storage and whom to wake; platforms, locks and the bot are others'.
"""
