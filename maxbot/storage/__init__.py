"""Where everything durable is: inbox, dialogs, outbox, dead letters, replies.

One thread per worker does all database work, in group commits (`database.py`); `store.py` is what others call, and
`inspect.py` what an operator does. The statements of each table are in a file of its name, and work on columns
(`statement.py`); what differs between databases is a `Backend` in a folder of the database's name. Storage decides
nothing: who may run or send what is delivery's.
"""
