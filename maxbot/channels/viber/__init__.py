"""Viber: https://developers.viber.com/docs/api/rest-bot-api

New bots have needed a contract with Viber since February 2024. A user is known by an id for this account alone; a
button that is pressed comes as a text. Viber answers with status 200 whatever became of a call: its body decides.
"""

from maxbot.channels.viber.channel import ViberChannel

__all__ = ["ViberChannel"]
