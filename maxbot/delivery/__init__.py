"""Joins the steps: who is awake, one turn after the other, what is next.

Delivery sees channels, locks, storage and the bot through narrow interfaces, and knows neither HTTP nor processes.
"""

from maxbot.delivery.delivery import Delivery

__all__ = ["Delivery"]
