"""Files of users: …/documentation/business-messaging/whatsapp/business-phone-numbers/media

Meta says where a file is, for five minutes, and gives it to whoever shows the token there.
"""

from urllib.parse import quote

import msgspec

from maxbot.channels.json import decode
from maxbot.channels.media import Bounds, Media, Owner, fetch_theirs
from maxbot.channels.meta import Graph
from maxbot.errors import BadRequest, CannotFetch

HOSTS = ("facebook.com", "fbcdn.net", "fbsbx.com", "whatsapp.net")
"""Meta's: the token goes nowhere else."""


class _File(msgspec.Struct):
    url: str
    file_size: int | None = None


_decoder = msgspec.json.Decoder(_File)


async def fetch(graph: Graph, file_id: str, owner: Owner, bounds: Bounds) -> Media:
    """Fetch a file.

    Raises:
        CannotFetch: Meta does not give it.
        SendError: Meta cannot be asked now, or does not know the file.
    """
    try:
        file = decode(_decoder, await graph.get(quote(file_id, safe="")))
    except BadRequest:
        raise CannotFetch("Meta does not say where the file is") from None
    if file.file_size is not None and file.file_size > bounds.size:
        raise CannotFetch(f"it is larger than {bounds.size} bytes")
    return await fetch_theirs(file.url, owner, bounds)
