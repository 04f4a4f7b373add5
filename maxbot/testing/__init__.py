"""What the author of own user locks or of an own channel checks them with: the contracts that ours pass.

The contracts know what is promised and nothing of how it is kept.
"""
