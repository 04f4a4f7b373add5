"""Starts, watches, replaces and stops the workers. Serves no requests, runs no SQL and calls no platform."""
