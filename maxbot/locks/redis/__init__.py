"""User locks on Redis, for several hosts. `place` is read at a start; only `locks` and `calls` import redis-py."""
