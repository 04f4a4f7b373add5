"""VK, as a community's bot: https://dev.vk.com/en/api/bots/overview

The only one of the platforms that recognises a message which is sent twice (`random_id`). Its webhooks are not signed:
the secret is a part of their body. Calls are forms with the token in them, so that no URL has it.
"""

from maxbot.channels.vk.channel import VkChannel

__all__ = ["VkChannel"]
