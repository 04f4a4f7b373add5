"""A complete plan for tests that need one and no server."""

from typing import Any

from maxbot.server.plan import Plan


def plan(**changes: Any) -> Plan:
    """Return the plan of a bot that nobody said anything about, with a few changes."""
    decided = {
        "updater": "webhooks",
        "host": "localhost",
        "port": 0,
        "workers": 1,
        "database": "sqlite:////nowhere/bot.db",
        "hosts": ("*",),
        "private": True,
        "shared": False,
        "run": "0123456789abcdef",
    }
    return Plan(**{**decided, **changes})
