"""How databases of older releases become like new ones. Run by Alembic; a fresh database is made from `schema.py`."""
