"""Alembic's entry for every service: the chassis' own history beside the service's.

The caller opens the connection and holds the lock (`chassis.migrate`); each revision runs in a
transaction of its own.
"""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
