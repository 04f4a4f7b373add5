"""The tables, and what each row means.

    accept      seen ─ the key of every update accepted lately, so that a redelivery is recognised
                inbox ─ updates accepted and not yet done; `id` is the order of a dialog's turns
    turn        dialogs ─ what the bot remembers of each dialog; `version` counts its committed turns
                outbox ─ commands committed and not yet sent; (`update_id`, `position`) is their order
                timers ─ requests that turns made of their own dialog, for later
    set aside   dead_letters ─ updates and commands that were given up, with the reason
    web         replies ─ what the `web` channel's clients fetch
    note        notes ─ what a channel must know again: how far VK was polled, who a hidden number of WhatsApp is;
                      and the mark that tells the keys of this database's replies from those of another one
    count       counters ─ rare events worth counting over restarts (docs/reference/database.md)
    hosts       sessions ─ the workers alive, on databases that several hosts share; empty on SQLite

Accepting only appends, to `seen` and `inbox`: the row in `dialogs` is made by the first turn. Points in time are
seconds since the epoch, UTC. Messages, addresses, states and contents are JSON.

`owner`, `accepted_by` and `sessions` are for databases that several hosts share. On SQLite they cost a byte a row and a
page of 4 KiB; without them the first release with such a database would migrate the tables of every user.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    false,
)

from maxbot.storage.columns import JSON, LONG_TEXT, MOMENT, NUMBER, QUEUE, REWRITTEN, Key

REVISION = "0001"
"""The schema below. A change adds a file to `migrations/versions`, whose `revision` is then named here.

`0003.0002` is the third one, which releases that know the second one can use as well: a schema is expanded first, and
what only older releases used is taken away by a later step, so that old and new workers may run at once.
"""

metadata = MetaData()

# 401: a channel's name, a colon and a user's name, both within the limits of `maxbot.types`.
DIALOG = Key(401)

revisions = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))

seen = Table(
    "seen",
    metadata,
    # Given in the order of acceptance: within a dialog, a lower one was accepted earlier.
    Column("id", NUMBER, primary_key=True),
    Column("channel", Key(200), nullable=False),
    Column("key", Key(200), nullable=False),
    Column("accepted_at", MOMENT, nullable=False),
    # Which transaction it was, on a database that does not say which of several rows an INSERT made.
    Column("accepted_by", NUMBER, nullable=True),
    UniqueConstraint("channel", "key", name="seen_once"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),  # the `seen.id` of the update
    Column("dialog", DIALOG, nullable=False),
    Column("message", JSON, nullable=False),  # a mapping; a list with one if it is the request of another program
    Column("address", JSON, nullable=True),  # where to answer to, beyond the user's name
    Column("accepted_at", MOMENT, nullable=False),
    # How often a turn of it was started by somebody who found it left behind by a process that died.
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    # What of its turn left before the end: how many replies, how many commands they became, and a message that was
    # begun and is to be finished by the next one: the platform's name for it, `{}` until that is known.
    Column("early", SmallInteger, nullable=False, server_default="0"),
    Column("early_commands", SmallInteger, nullable=False, server_default="0"),
    Column("begun", JSON, nullable=True),
    Index("inbox_order", "dialog", "id"),
    postgresql_with=QUEUE,
)

dialogs = Table(
    "dialogs",
    metadata,
    Column("dialog", DIALOG, primary_key=True),
    Column("version", NUMBER, nullable=False),
    Column("state", JSON, nullable=False),
    Column("address", JSON, nullable=True),  # the latest that an update brought
    Column("owner", NUMBER, nullable=True),  # the session that runs its turns
    postgresql_with=REWRITTEN,
)

outbox = Table(
    "outbox",
    metadata,
    Column("update_id", NUMBER, primary_key=True, autoincrement=False),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("dialog", DIALOG, nullable=False),
    Column("content", JSON, nullable=False),
    Column("resend", Boolean(create_constraint=False), nullable=False),
    Column("committed_at", MOMENT, nullable=False),
    # How many attempts were begun before the one that is on its way or waits; how many of them ended unknown, and how
    # many with the death of whoever made them.
    Column("attempts", Integer, nullable=False),
    Column("unknown", SmallInteger, nullable=False),
    Column("taken_up", SmallInteger, nullable=False),
    # Set while a failed command waits for its next attempt, and until then it is certain that it was not sent.
    # NULL: it may be on its way this moment; who finds it so after a crash cannot know whether it arrived.
    Column("not_before", MOMENT, nullable=True),
    # When that was decided. A clock that says less has been set back, and the wait is over.
    Column("postponed_at", MOMENT, nullable=True),
    Column("begun", JSON, nullable=True),  # the message that this one finishes
    Index("outbox_order", "dialog", "update_id", "position"),
    postgresql_with=QUEUE,
)

timers = Table(
    "timers",
    metadata,
    Column("dialog", DIALOG, primary_key=True),
    Column("id", Key(32), primary_key=True),
    Column("name", Key(200), nullable=False),
    Column("params", JSON, nullable=False),
    Column("due_at", MOMENT, nullable=False),
    # A clock that says less has been set back, and says nothing about how long it has waited.
    Column("set_at", MOMENT, nullable=False),
    Index("timers_due", "due_at"),
    Index("timers_set", "set_at"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("kind", String(10), nullable=False),  # "update" or "command"
    Column("dialog", DIALOG, nullable=False),
    Column("update_id", NUMBER, nullable=False),
    Column("position", SmallInteger, nullable=True),
    Column("content", JSON, nullable=False),
    Column("address", JSON, nullable=True),
    Column("resend", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("reason", LONG_TEXT, nullable=False),
    Column("traceback", LONG_TEXT, nullable=True),
    Column("set_aside_at", MOMENT, nullable=False),
    Index("dead_letters_dialog", "dialog"),
    Index("dead_letters_update", "update_id"),
)

replies = Table(
    "replies",
    metadata,
    Column("id", NUMBER, primary_key=True),  # the number that clients count on: grows within a dialog
    Column("dialog", DIALOG, nullable=False),
    Column("key", Key(60), nullable=False, unique=True),
    Column("content", JSON, nullable=False),
    Column("put_at", MOMENT, nullable=False),
    Index("replies_order", "dialog", "id"),
)

notes = Table(
    "notes",
    metadata,
    Column("channel", Key(200), primary_key=True),
    Column("key", Key(200), primary_key=True),
    Column("value", Key(400), nullable=False),
    Column("noted_at", MOMENT, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Key(60), primary_key=True),
    Column("value", NUMBER, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("host", String(200), nullable=False),
    Column("pid", NUMBER, nullable=False),  # on its host
    Column("run", String(32), nullable=False),  # of its `maxbot run`
    Column("serves", Boolean(create_constraint=False), nullable=False),  # not so in quarantine
    Column("revision", String(32), nullable=False),  # the schema that the worker knows
    Column("until", MOMENT, nullable=False),  # the end of its lease
    Column("group_number", NUMBER, nullable=False),  # its last transaction that was committed
    Column("ended", Boolean(create_constraint=False), nullable=False),
    postgresql_with=REWRITTEN,
)
