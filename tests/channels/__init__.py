"""Channels: each passes the contract of `maxbot.testing.channels`; what is its own is tested beside, over sockets."""
