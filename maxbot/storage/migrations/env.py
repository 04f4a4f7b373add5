"""Run by Alembic: migrate over the connection that `maxbot.storage.prepare.migrate` gives."""

from alembic import context

from maxbot.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
