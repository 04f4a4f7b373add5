"""The dialog engine: message and state in, replies and state out.

It knows neither files nor HTTP nor SQL nor processes. Where a text of the bot comes from is carried by its `Source`,
so that errors can name file and line; channels, storage and the event loop are left to others.
"""
