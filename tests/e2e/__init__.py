"""The real command under signals, kills and load."""
