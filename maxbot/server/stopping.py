"""How long a stop waits, and for whom.

told to stop ── LINGER ──▶ connections are closed ── shutdown_timeout ──▶ turns are ended ── GRACE ──▶ killed
    ── FAREWELL ──▶ gone
"""

LINGER = 0.25
"""Seconds for which a stopping server still answers requests on connections that were open: their answers say that
the connection closes, so that a client under load sends nothing into a closing one. A worker that is replaced takes
`KEEP_ALIVE` for it."""

KEEP_ALIVE = 15.0
"""Seconds for which a connection without a request stays open."""

GRACE = 1.0
"""Seconds beyond the shutdown timeout that a process gets to end by itself."""

FAREWELL = 1.0
"""Seconds for which the last words wait for the database. An init system's own limit has to allow for all of these."""
