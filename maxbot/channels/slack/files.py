"""Files of users: https://docs.slack.dev/reference/objects/file-object, https://docs.slack.dev/reference/methods/files.info

Slack says where a file is, and gives it to whoever shows the token there; to others, and to an app without the scope
`files:read`, it gives a page to log in, as if that were the file.
"""

import msgspec

from maxbot.channels.media import Bounds, Media, Owner, fetch_theirs
from maxbot.channels.slack.api import SlackApi
from maxbot.errors import CannotFetch

HOSTS = ("files.slack.com",)
"""The token goes nowhere else."""


class _File(msgspec.Struct):
    url_private_download: str = ""
    url_private: str = ""
    mimetype: str = ""
    size: int = 0


class _Answer(msgspec.Struct):
    file: _File


_decoder = msgspec.json.Decoder(_Answer)


async def fetch(api: SlackApi, file_id: str, owner: Owner, bounds: Bounds) -> Media:
    """Fetch a file.

    Raises:
        CannotFetch: Slack does not give it.
        SendError: Slack cannot be asked now, or does not know the file.
    """
    file: _File = (await api.ask(_decoder, "files.info", file=file_id)).file
    if file.size > bounds.size:
        raise CannotFetch(f"it is larger than {bounds.size} bytes")
    media = await fetch_theirs(file.url_private_download or file.url_private, owner, bounds)
    if media.mime_type == "text/html" and file.mimetype != "text/html":
        raise CannotFetch("Slack gives a page to log in: see that the app has the scope files:read")
    return media
