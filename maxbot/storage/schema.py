"""The tables, and what each row means.

    accept      seen ─ the key of every update accepted lately, so that a redelivery is recognised
                inbox ─ updates accepted and not yet done; `id` is the order of a dialog's turns
    turn        dialogs ─ what the bot remembers of each dialog; `version` counts its committed turns
                outbox ─ commands committed and not yet sent; (`update_id`, `position`) is their order
    set aside   dead_letters ─ updates and commands that were given up, with the reason
    web         replies ─ what the `web` channel's clients fetch
    count       counters ─ rare events worth counting over restarts (`uncertain`, `dead_letters`, …)

Points in time are seconds since the epoch, UTC. Messages, states and commands are JSON.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0001"
"""The schema below. A change adds a file to `migrations/versions`, whose `revision` is then named here."""

metadata = MetaData()

# `String(401)`: a channel's name, a colon and a user's name, both within the limits of `maxbot.types`.
DIALOG = String(401)

revisions = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))

seen = Table(
    "seen",
    metadata,
    # Given in the order of acceptance: within a dialog, a lower one was accepted earlier.
    Column("id", Integer, primary_key=True),
    Column("channel", String(200), nullable=False),
    Column("key", String(200), nullable=False),
    Column("accepted_at", Float, nullable=False),
    UniqueConstraint("channel", "key", name="seen_once"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # the `seen.id` of the update
    Column("dialog", DIALOG, nullable=False),
    Column("message", LargeBinary, nullable=False),
    Column("accepted_at", Float, nullable=False),
    # How often a turn of it was started by somebody who found it left behind by a process that died.
    Column("attempts", SmallInteger, nullable=False, default=0, server_default="0"),
    Index("inbox_order", "dialog", "id"),
)

dialogs = Table(
    "dialogs",
    metadata,
    Column("dialog", DIALOG, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("update_id", Integer, primary_key=True, autoincrement=False),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("dialog", DIALOG, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("resend", Boolean(create_constraint=False), nullable=False),
    Column("committed_at", Float, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    # Set while a failed command waits for its next attempt, and until then it is certain that it was not sent.
    # NULL: it may be on its way this moment; who finds it so after a crash cannot know whether it arrived.
    Column("not_before", Float, nullable=True),
    Index("outbox_order", "dialog", "update_id", "position"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(10), nullable=False),  # "update" or "command"
    Column("dialog", DIALOG, nullable=False),
    Column("update_id", Integer, nullable=False),
    Column("position", SmallInteger, nullable=True),
    Column("content", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("traceback", Text, nullable=True),
    Column("set_aside_at", Float, nullable=False),
)

replies = Table(
    "replies",
    metadata,
    Column("id", Integer, primary_key=True),  # the number that clients count on: grows within a dialog
    Column("dialog", DIALOG, nullable=False),
    Column("key", String(60), nullable=False, unique=True),
    Column("content", LargeBinary, nullable=False),
    Column("put_at", Float, nullable=False),
    Index("replies_order", "dialog", "id"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", Integer, nullable=False),
)
