"""Serves: the web application or polling, delivery, and what both stand on, in one process."""
