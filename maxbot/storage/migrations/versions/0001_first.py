"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of release 0.4."""
    op.create_table(
        "seen",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("channel", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("accepted_at", sa.Float, nullable=False),
        sa.UniqueConstraint("channel", "key", name="seen_once"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("dialog", sa.String(401), nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("accepted_at", sa.Float, nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    )
    op.create_index("inbox_order", "inbox", ["dialog", "id"])
    op.create_table(
        "dialogs",
        sa.Column("dialog", sa.String(401), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("update_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("dialog", sa.String(401), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("resend", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("committed_at", sa.Float, nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("not_before", sa.Float, nullable=True),
    )
    op.create_index("outbox_order", "outbox", ["dialog", "update_id", "position"])
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("dialog", sa.String(401), nullable=False),
        sa.Column("update_id", sa.Integer, nullable=False),
        sa.Column("position", sa.SmallInteger, nullable=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("traceback", sa.Text, nullable=True),
        sa.Column("set_aside_at", sa.Float, nullable=False),
    )
    op.create_table(
        "replies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dialog", sa.String(401), nullable=False),
        sa.Column("key", sa.String(60), nullable=False, unique=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("put_at", sa.Float, nullable=False),
    )
    op.create_index("replies_order", "replies", ["dialog", "id"])
    op.create_table(
        "counters",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )
