"""What a simulation of the engine is made of: `tests/support/engine.py` puts it together.

clock   an event loop whose time jumps to whatever is next
plan    what is delivered, and how the played parts behave; and what came of it
parts   the played ones: a database without a thread, locks, a platform, a bot, workers that die
"""
