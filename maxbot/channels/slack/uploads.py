"""Give Slack a file: https://docs.slack.dev/messaging/working-with-files#uploading_files

Ask where to put it, put it there, and say to which channel it belongs: only that is seen.
"""

import logging
from collections.abc import Collection
from typing import Any

import msgspec

from maxbot.channels.elsewhere import Elsewhere
from maxbot.channels.media import fetch
from maxbot.channels.slack.api import SlackApi
from maxbot.channels.slack.replies import Upload
from maxbot.errors import CannotFetch, Misconfigured, OutcomeUnknown, RetryLater, Undeliverable

logger = logging.getLogger(__name__)


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
        try:
            return await self._put(upload)
        except OutcomeUnknown as error:  # nobody saw anything of it
            reason, later = error.reason, True
        except Misconfigured as error:  # a token that may write texts may lack the scope for files
            reason, later = error.reason, False
        except (CannotFetch, Undeliverable) as error:
            reason, later = str(error), False
        if later:
            raise RetryLater(reason)
        logger.warning("A file is sent to Slack as a link, as it cannot be uploaded: %s", reason)
        return None

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
