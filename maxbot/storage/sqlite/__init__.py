"""SQLite: one file, several processes of one host."""
