"""Files of users: https://core.telegram.org/bots/api#getfile

Telegram says where a file is, for an hour, and gives at most 20 MB.
"""

import msgspec

from maxbot.channels.json import decode
from maxbot.channels.media import Bounds, Media
from maxbot.channels.telegram.api import TelegramApi
from maxbot.errors import BadRequest, CannotFetch


class _File(msgspec.Struct):
    file_path: str
    file_size: int = 0


_decoder = msgspec.json.Decoder(_File)


async def fetch(api: TelegramApi, file_id: str, bounds: Bounds) -> Media:
    """Fetch a file.

    Raises:
        CannotFetch: Telegram does not give it.
        SendError: Telegram cannot be asked now, or does not know the file.
    """
    try:
        file = decode(_decoder, api.result(await api.call("getFile", {"file_id": file_id})))
    except BadRequest:
        raise CannotFetch("Telegram does not say where the file is") from None
    if file.file_size > bounds.size:
        raise CannotFetch(f"it is larger than {bounds.size} bytes")
    response = await api.file(file.file_path, bounds.seconds)
    if response.status != 200:
        raise CannotFetch(f"Telegram's server of files answers {response.status}")
    return Media(response.body, file.file_path.rpartition("/")[2])
