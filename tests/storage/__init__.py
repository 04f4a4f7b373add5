"""Storage on SQLite files: what it promises, with several processes and with a database that fails."""
