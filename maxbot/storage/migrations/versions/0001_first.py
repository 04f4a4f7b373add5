"""The first schema."""

import sqlalchemy as sa
from alembic import op

from maxbot.storage.columns import JSON, LONG_TEXT, MOMENT, NUMBER, QUEUE, REWRITTEN, Key

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of release 0.4."""
    flag = sa.Boolean(create_constraint=False)
    op.create_table(
        "seen",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("channel", Key(200), nullable=False),
        sa.Column("key", Key(200), nullable=False),
        sa.Column("accepted_at", MOMENT, nullable=False),
        sa.Column("accepted_by", NUMBER, nullable=True),
        sa.UniqueConstraint("channel", "key", name="seen_once"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("dialog", Key(401), nullable=False),
        sa.Column("message", JSON, nullable=False),
        sa.Column("address", JSON, nullable=True),
        sa.Column("accepted_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("early", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("early_commands", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("begun", JSON, nullable=True),
        postgresql_with=QUEUE,
    )
    op.create_index("inbox_order", "inbox", ["dialog", "id"])
    op.create_table(
        "dialogs",
        sa.Column("dialog", Key(401), primary_key=True),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("state", JSON, nullable=False),
        sa.Column("address", JSON, nullable=True),
        sa.Column("owner", NUMBER, nullable=True),
        postgresql_with=REWRITTEN,
    )
    op.create_table(
        "outbox",
        sa.Column("update_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("position", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("dialog", Key(401), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("resend", flag, nullable=False),
        sa.Column("committed_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("unknown", sa.SmallInteger, nullable=False),
        sa.Column("taken_up", sa.SmallInteger, nullable=False),
        sa.Column("not_before", MOMENT, nullable=True),
        sa.Column("postponed_at", MOMENT, nullable=True),
        sa.Column("begun", JSON, nullable=True),
        postgresql_with=QUEUE,
    )
    op.create_index("outbox_order", "outbox", ["dialog", "update_id", "position"])
    op.create_table(
        "timers",
        sa.Column("dialog", Key(401), primary_key=True),
        sa.Column("id", Key(32), primary_key=True),
        sa.Column("name", Key(200), nullable=False),
        sa.Column("params", JSON, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
    )
    op.create_index("timers_due", "timers", ["due_at"])
    op.create_index("timers_set", "timers", ["set_at"])
    op.create_table(
        "dead_letters",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("dialog", Key(401), nullable=False),
        sa.Column("update_id", NUMBER, nullable=False),
        sa.Column("position", sa.SmallInteger, nullable=True),
        sa.Column("content", JSON, nullable=False),
        sa.Column("address", JSON, nullable=True),
        sa.Column("resend", flag, nullable=False, server_default=sa.false()),
        sa.Column("reason", LONG_TEXT, nullable=False),
        sa.Column("traceback", LONG_TEXT, nullable=True),
        sa.Column("set_aside_at", MOMENT, nullable=False),
    )
    op.create_index("dead_letters_dialog", "dead_letters", ["dialog"])
    op.create_index("dead_letters_update", "dead_letters", ["update_id"])
    op.create_table(
        "replies",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("dialog", Key(401), nullable=False),
        sa.Column("key", Key(60), nullable=False, unique=True),
        sa.Column("content", JSON, nullable=False),
        sa.Column("put_at", MOMENT, nullable=False),
    )
    op.create_index("replies_order", "replies", ["dialog", "id"])
    op.create_table(
        "notes",
        sa.Column("channel", Key(200), primary_key=True),
        sa.Column("key", Key(200), primary_key=True),
        sa.Column("value", Key(400), nullable=False),
        sa.Column("noted_at", MOMENT, nullable=False),
    )
    op.create_table(
        "counters",
        sa.Column("name", Key(60), primary_key=True),
        sa.Column("value", NUMBER, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("pid", NUMBER, nullable=False),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("serves", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("revision", sa.String(32), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("group_number", NUMBER, nullable=False),
        sa.Column("ended", flag, nullable=False),
        postgresql_with=REWRITTEN,
    )
