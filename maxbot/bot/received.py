"""The messages that a handler gets, for type checkers. A mapping has one of the keys, or several.

A kind of the author's own is added by a subclass: `class MyMessage(ReceivedMessage, total=False): parcel: Parcel`, and
`cast(MyMessage, turn.message)`.
"""

from typing import Required, TypedDict


class ReceivedFile(TypedDict, total=False):
    """A file, as the platform tells of it: by a URL or by its own id."""

    url: str
    file_id: str
    name: str
    mime_type: str
    size: int
    caption: str


class ReceivedImage(ReceivedFile, total=False):
    """A picture."""

    width: int
    height: int


class ReceivedMedia(ReceivedFile, total=False):
    """Something to hear or watch."""

    duration: float
    voice: bool


class ReceivedLocation(TypedDict, total=False):
    """A place on the map."""

    latitude: Required[float]
    longitude: Required[float]
    name: str
    address: str


class ReceivedContact(TypedDict, total=False):
    """A person."""

    name: Required[str]
    phone: str
    user_id: str


class ReceivedButton(TypedDict, total=False):
    """A press of a button below a message."""

    payload: Required[str]
    title: str


class ReceivedMessage(TypedDict, total=False):
    """What the user said."""

    text: str
    image: ReceivedImage
    file: ReceivedFile
    audio: ReceivedMedia
    video: ReceivedMedia
    location: ReceivedLocation
    contact: ReceivedContact
    button: ReceivedButton
