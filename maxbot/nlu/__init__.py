"""The language work: a message and the time of its turn become intents and entities.

Imported only for bots whose templates name `intents` or `entities`, and computed when a template asks. English, of our
own, without any library. No clock is read here and nothing is stored: the caller gives the time.
"""
