"""What holds for all tests."""

from hypothesis import settings

# How long an example takes is for the benchmarks: a busy machine must not fail a test.
settings.register_profile("maxbot", deadline=None)
settings.load_profile("maxbot")
