"""The mirror of `maxbot/`: `tests/<folder>/test_<file>.py`."""
