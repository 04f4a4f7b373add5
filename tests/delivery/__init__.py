"""Delivery: dialogs, turns, and the whole engine in a simulation."""
