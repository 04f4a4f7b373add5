"""The journal: one record a turn, failed ones included, for the author of a bot.

    record.py   a turn that is over → a record      redact.py   without what users said
    console.py  a record → lines for a terminal     write.py    where records go

The log tells what the server did, the journal what the bot did. It knows the outcome of turns and nothing of how they
came in.
"""

from maxbot.journal.record import FinishedTurn, make_record

__all__ = ["FinishedTurn", "make_record"]
