"""From committed commands to the platform: in order, under the user lock, one after the other.

The outbox knows storage and channels; it neither runs turns nor takes locks.
"""
