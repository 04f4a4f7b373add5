"""PostgreSQL: a server, for several hosts.

The path of a message goes through libpq (`psycopg.pq`) in pipeline mode: an operation is one prepared statement over
arrays, and what needs no answer travels with what does. Whatever is rare goes through SQLAlchemy.

place        URL → parameters of a connection
backend      connection, session and transactions
connection   libpq with deadlines
words        statements of `storage/tables` as PostgreSQL runs them
binary       arrays and values on the wire
transaction  what operations are given
checks       what must hold at a start
failure      what an error means
"""
