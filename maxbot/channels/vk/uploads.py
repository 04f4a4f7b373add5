"""Give VK a file, so that a message can have it: https://dev.vk.com/en/api/upload/overview

Ask where to put it, put it there, say that it is there. Nobody sees anything of it before the message.
"""

import re
import uuid
from collections.abc import Collection

import msgspec

from maxbot.channels.elsewhere import Elsewhere
from maxbot.channels.http import Response
from maxbot.channels.json import decode
from maxbot.channels.media import Media, fetch
from maxbot.channels.uploading import or_link
from maxbot.channels.vk.api import Denied, VkApi
from maxbot.channels.vk.replies import Upload
from maxbot.errors import BadRequest, Misconfigured, OutcomeUnknown, Undeliverable


class _Place(msgspec.Struct):
    upload_url: str


class _Put(msgspec.Struct):
    """What the place answers: for a photo the first three, for a document the fourth; or what is wrong."""

    server: int = 0
    photo: str = ""
    hash: str = ""
    file: str = ""
    error: str = ""


class _Saved(msgspec.Struct):
    id: int
    owner_id: int
    access_key: str = ""


class _SavedDocument(msgspec.Struct):
    type: str
    doc: _Saved | None = None
    audio_message: _Saved | None = None


_place_decoder = msgspec.json.Decoder(_Place)
_put_decoder = msgspec.json.Decoder(_Put)
_photos_decoder = msgspec.json.Decoder(list[_Saved])
_document_decoder = msgspec.json.Decoder(_SavedDocument)


class Uploads:
    """Uploads files for messages.

    Args:
        api: To ask for a place.
        private_hosts: May be asked for files although they are not public.
        elsewhere: For the places, which are on other hosts.
    """

    def __init__(self, api: VkApi, elsewhere: Elsewhere, private_hosts: Collection[str]) -> None:
        self._api = api
        self._elsewhere = elsewhere
        self._private_hosts = private_hosts

    async def attachment(self, upload: Upload, peer: int) -> str | None:
        """Return what a message names a file by; None where VK cannot be given it, which the log says.

        Raises:
            RetryLater: Something did not work now; nothing was sent.
        """
        return await or_link(self._upload(upload, peer), "VK", (Misconfigured, Denied))

    async def _upload(self, upload: Upload, peer: int) -> str:
        media = await fetch(upload.url, self._private_hosts)
        if upload.kind == "photo":
            return await self._photo(media, peer)
        place = await self._api.ask(_place_decoder, "docs.getMessagesUploadServer", peer_id=peer, type=upload.kind)
        name = upload.name or media.name or "file"
        put = await self._put(place.upload_url, "file", name, media)
        if not put.file:
            raise Undeliverable(f"VK does not take the file ({put.error or 'it says nothing more'})")
        saved = await self._api.ask(_document_decoder, "docs.save", file=put.file, title=name)
        return _named("doc", saved.doc or saved.audio_message)

    async def _photo(self, media: Media, peer: int) -> str:
        if not media.image:
            raise Undeliverable("it is no JPEG, PNG or GIF")
        place = await self._api.ask(_place_decoder, "photos.getMessagesUploadServer", peer_id=peer)
        put = await self._put(place.upload_url, "photo", f"image.{media.image}", media)
        if put.photo in ("", "[]"):
            raise Undeliverable(f"VK does not take the image ({put.error or 'it says nothing more'})")
        saved = await self._api.ask(
            _photos_decoder, "photos.saveMessagesPhoto", server=put.server, photo=put.photo, hash=put.hash
        )
        return _named("photo", saved[0] if saved else None)

    async def _put(self, url: str, field: str, name: str, media: Media) -> _Put:
        body, media_type = multipart(field, name, media.body)
        client, path = await self._elsewhere.at(url)
        return _understood(await client.post_bytes(path, body, media_type))


def multipart(field: str, name: str, body: bytes) -> tuple[bytes, str]:
    """Return a form with one file, and its media type: https://www.rfc-editor.org/rfc/rfc7578"""
    boundary = uuid.uuid4().hex
    plain = re.sub(r'[\x00-\x1f"\\]', "_", name)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{plain}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + body + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _understood(response: Response) -> _Put:
    if response.status != 200:
        raise OutcomeUnknown(f"VK's place for uploads answers with HTTP status {response.status}")
    try:
        return decode(_put_decoder, response.body)
    except BadRequest as error:
        reason = f"VK's place for uploads answers with what we cannot read: {error}"
    raise OutcomeUnknown(reason)


def _named(kind: str, saved: _Saved | None) -> str:
    if saved is None:
        raise Undeliverable("VK did not keep the file")
    key = f"_{saved.access_key}" if saved.access_key else ""
    return f"{kind}{saved.owner_id}_{saved.id}{key}"
