"""What an author tests with: `Conversation` for a bot, and the contracts that own user locks and own channels keep.

The contracts know what is promised and nothing of how it is kept.
"""

from maxbot.testing.conversation import Conversation

__all__ = ["Conversation"]
