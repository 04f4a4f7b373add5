"""MySQL and MariaDB: a server, for several hosts.

The path of a message goes through the driver's plain queries: a text of several statements, which have a row for each
item; what needs no answer travels with what does. Whatever is rare goes through SQLAlchemy.

place        URL → parameters of a connection
driver       mysqlclient and PyMySQL, with one face
connection   what is queued leaves as one text
words        statements of `storage/tables` as these servers run them
transaction  what operations are given
backend      session and transactions
checks       what must hold of a server
tables       how tables are made
failure      what an error means
"""
