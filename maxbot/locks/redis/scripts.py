"""What Redis does in one step, and what it keeps.

    PREFIX:lock:DIALOG       text, the token of whoever holds the dialog; gone after a lease without renewal
    PREFIX:waiting:DIALOG    list, the tokens of those who wait, first come first; gone after two leases of silence
    PREFIX:wake:CLIENT       channel, on which a client is told the number of a request that had better ask again

A token is CLIENT:NUMBER; a client is one worker's connection, a number one of its requests. Nothing is kept of a dialog
that nobody holds or waits for. Each script may be run twice for one request and then does no more than once: so what
is not answered is asked again.
"""

from typing import NamedTuple


class Script(NamedTuple):
    """A script, and how many of its arguments name keys."""

    text: str
    keys: int


TAKE = Script(
    # lock, waiting; token, lease in ms. Returns 0 where the token holds the lock now, else the ms until it may be free.
    """
    local holder = redis.call('GET', KEYS[1])
    if not holder or holder == ARGV[1] then
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        redis.call('LREM', KEYS[2], 0, ARGV[1])
        return 0
    end
    if not redis.call('LPOS', KEYS[2], ARGV[1]) then
        redis.call('RPUSH', KEYS[2], ARGV[1])
    end
    redis.call('PEXPIRE', KEYS[2], 2 * ARGV[2])
    return math.max(1, redis.call('PTTL', KEYS[1]))
    """,
    2,
)

LEAVE = Script(
    # lock, waiting; token, what wake channels begin with. Whoever is woken is no longer in the list: when it leaves
    # without having taken the lock, the next one is woken. A client that is gone hears nothing, and is passed by.
    """
    if redis.call('GET', KEYS[1]) == ARGV[1] then
        redis.call('DEL', KEYS[1])
    else
        redis.call('LREM', KEYS[2], 0, ARGV[1])
    end
    while redis.call('EXISTS', KEYS[1]) == 0 do
        local token = redis.call('LPOP', KEYS[2])
        if not token then
            return 0
        end
        local client, number = string.match(token, '^(.*):(%d+)$')
        if redis.call('PUBLISH', ARGV[2] .. client, number) > 0 then
            return 1
        end
    end
    return 0
    """,
    2,
)

RENEW = Script(
    # lock; token, lease in ms. Returns 1 where the token still held it.
    """
    if redis.call('GET', KEYS[1]) == ARGV[1] then
        return redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    return 0
    """,
    1,
)
