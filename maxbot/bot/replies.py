"""The replies that a handler may add, for type checkers: a wrong key is found before the bot runs.

They say what the structs of `maxbot.commands` say; a test compares the two.
"""

from typing import Any, NotRequired, Required, TypeAlias, TypedDict

from maxbot.commands import Style


class FormatDict(TypedDict, total=False):
    """How a part of a text looks."""

    style: Required[Style]
    start: Required[int]
    end: Required[int]
    url: str


class TextReply(TypedDict):
    """A text."""

    text: str
    formats: NotRequired[list[FormatDict]]


class ImageDict(TypedDict, total=False):
    """A picture."""

    url: Required[str]
    caption: str | None
    formats: list[FormatDict]


class FileDict(ImageDict, total=False):
    """A file to keep."""

    name: str
    mime_type: str
    size: int


class AudioDict(ImageDict, total=False):
    """Something to hear."""

    voice: bool
    duration: float


class VideoDict(ImageDict, total=False):
    """Something to watch."""

    duration: float
    size: int


class LocationDict(TypedDict, total=False):
    """A place on the map."""

    latitude: Required[float]
    longitude: Required[float]
    name: str
    address: str


class ContactDict(TypedDict):
    """A person to call."""

    name: str
    phone: str


class ButtonDict(TypedDict, total=False):
    """Something to press."""

    title: Required[str]
    payload: str
    url: str


class ButtonsDict(TypedDict, total=False):
    """Buttons that belong to a message."""

    text: Required[str]
    formats: list[FormatDict]
    image: ImageDict
    buttons: Required[list[ButtonDict]]


class QuickRepliesDict(TypedDict, total=False):
    """Answers that are offered once."""

    text: Required[str]
    formats: list[FormatDict]
    replies: Required[list[ButtonDict]]


class ImageReply(TypedDict):
    image: ImageDict


class FileReply(TypedDict):
    file: FileDict


class AudioReply(TypedDict):
    audio: AudioDict


class VideoReply(TypedDict):
    video: VideoDict


class LocationReply(TypedDict):
    location: LocationDict


class ContactReply(TypedDict):
    contact: ContactDict


class ButtonsReply(TypedDict):
    buttons: ButtonsDict


class QuickRepliesReply(TypedDict):
    quick_replies: QuickRepliesDict


class NativeReply(TypedDict):
    native: dict[str, dict[str, Any]]


Reply: TypeAlias = (
    TextReply
    | ImageReply
    | FileReply
    | AudioReply
    | VideoReply
    | LocationReply
    | ContactReply
    | ButtonsReply
    | QuickRepliesReply
    | NativeReply
)
"""A reply of a kind that maxbot knows."""
