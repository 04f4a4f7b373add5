"""Give Slack a file: https://docs.slack.dev/messaging/working-with-files#uploading_files

Ask where to put it, put it there, and say to which channel it belongs: only that is seen.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from maxbot.channels.elsewhere import Elsewhere
from maxbot.channels.media import fetch
from maxbot.channels.slack.api import SlackApi
from maxbot.channels.slack.replies import Upload
from maxbot.channels.uploading import or_link
from maxbot.errors import OutcomeUnknown


class _Place(msgspec.Struct):
    upload_url: str
    file_id: str


_place_decoder = msgspec.json.Decoder(_Place)


class Uploads:
    """Uploads files.

    Args:
        api: To ask for a place.
        elsewhere: For that place; without the token.
        private_hosts: May be asked for files although they are not public.
    """

    def __init__(self, api: SlackApi, elsewhere: Elsewhere, private_hosts: Collection[str]) -> None:
        self._api = api
        self._elsewhere = elsewhere
        self._private_hosts = private_hosts

    async def put(self, upload: Upload) -> dict[str, Any] | None:
        """Return what to call files.completeUploadExternal with, beside the channel; None where Slack cannot be given
        the file, which the log says.

        Raises:
            RetryLater: Something did not work now; nothing was sent.
        """
        return await or_link(self._put(upload), "Slack")

    async def _put(self, upload: Upload) -> dict[str, Any]:
        media = await fetch(upload.url, self._private_hosts)
        name = upload.name or media.name or "file"
        place = await self._api.ask(
            _place_decoder, "files.getUploadURLExternal", filename=name, length=str(len(media.body))
        )
        client, path = await self._elsewhere.at(place.upload_url)
        response = await client.post_bytes(path, media.body, "application/octet-stream")
        if response.status != 200:
            raise OutcomeUnknown(f"Slack's place for uploads answers with HTTP status {response.status}")
        comment = {"initial_comment": upload.comment} if upload.comment else {}
        return {"files": [{"id": place.file_id, "title": name}], **comment}
