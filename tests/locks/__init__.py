"""User locks: every implementation passes the contract of `maxbot.testing.locks`; what is its own is tested beside."""
