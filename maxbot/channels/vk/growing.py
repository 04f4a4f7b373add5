"""A message of VK that grows while it is written: sent once, edited then. https://dev.vk.com/en/method/messages.edit"""

import logging

import msgspec

from maxbot.channels.vk.api import VkApi
from maxbot.errors import DialogClosed, Undeliverable
from maxbot.types import Begun

logger = logging.getLogger(__name__)

FIRST_CHAT = 2_000_000_000
"""From this number on a `peer_id` is a chat of several, where messages have no `message_id`:
https://dev.vk.com/en/method/messages.send"""

_number_decoder = msgspec.json.Decoder(int)


async def draft(api: VkApi, text: str, peer: int, random_id: int, begun: Begun | None) -> Begun:
    """Send what there is of a reply, or change the message. With the same `random_id` it is sent once: VK then names
    the message that is there.

    Raises:
        SendError: As `VkApi` does; `Undeliverable` in chats.
    """
    if peer >= FIRST_CHAT:
        raise Undeliverable("VK does not name messages in chats")
    form: dict[str, str | int] = {"disable_mentions": 1, "message": text, "peer_id": peer}
    if begun:
        await api.call("messages.edit", **form | begun)
        return begun
    return {"message_id": await api.ask(_number_decoder, "messages.send", **form | {"random_id": random_id})}


async def found(api: VkApi, form: dict[str, str | int], peer: int, random_id: int) -> Begun | None:
    """Return what names a message that was begun with this `random_id`, or begin it now; None where none ever is.

    Raises:
        SendError: As `VkApi` does.
    """
    return None if peer >= FIRST_CHAT else await draft(api, str(form.get("message") or "…"), peer, random_id, None)


async def finished(api: VkApi, form: dict[str, str | int], begun: Begun) -> bool:
    """Give a message that was begun its last words; return whether it took them: it may be gone, or too old.

    Raises:
        SendError: As `VkApi` does, but for messages that VK does not change.
    """
    try:
        await api.call("messages.edit", **form | begun)
    except DialogClosed:
        raise
    except Undeliverable as error:
        logger.debug("A message that was begun is sent to VK anew: %s", error)
        return False
    return True
