"""Where everything durable is: inbox, dialogs, outbox, dead letters, replies.

One thread per worker does all database work, in group commits (`database.py`); `store.py` is what others call. The
statements of each table are in a file of its name; what differs between databases is in a file of the database's name.
Storage decides nothing: who may run or send what is delivery's.
"""
