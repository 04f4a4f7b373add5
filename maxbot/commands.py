"""The kinds of replies: what each holds, how it is written, and what takes its place where a platform lacks it.

    text            {"text": "hello"}                      and "formats": which parts of it are bold, links …
    image           {"image": {"url": …, "caption": …}}
    file, audio, video                                     like an image
    location        {"location": {"latitude": …, "longitude": …, "name": …}}
    contact         {"contact": {"name": …, "phone": …}}
    buttons         {"buttons": {"text": …, "buttons": [{"title": …, "payload": …}, …]}}    below the message
    quick_replies   {"quick_replies": {"text": …, "replies": [{"title": …}, …]}}            instead of the keyboard
    native          {"native": {"telegram": {…}}}          what one platform has and no other

A reply's content is a dict with its kind as the key; other keys than these are kinds of the author's own, for channels
of the author's own. Whether a reply may be sent twice (`resend`) is no part of it: it stands beside, in a `Command`.

To add a kind: write its struct with `@kind`, and send it in the channels that can. Check, markup and what the
documentation says follow from the struct; `simpler` says what is sent where a channel does not know it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

Content: TypeAlias = dict[str, Any]
"""A reply as it is stored and sent: JSON values only."""

Style = Literal["bold", "italic", "underline", "strike", "code", "pre", "link"]

Words = Annotated[str, Meta(min_length=1)]
Marked = Annotated[str, Meta(min_length=1, extra={"markup": "markup"})]
Address = Annotated[str, Meta(min_length=1, extra={"markup": "url"})]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a part of a text looks."""

    style: Style
    start: Count
    """The first character, counted from 0 in code points, as Python does."""
    end: Count
    """One behind the last."""
    url: str | UnsetType = UNSET
    """Where a link leads."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the kinds. Fields in the order in which they are written."""

    kind: ClassVar[str]
    noun: ClassVar[str]
    """In errors: `an image`."""
    flat: ClassVar[bool] = False
    """Whether the fields stand in the content itself, rather than below its key."""

    def simpler(self) -> tuple[Reply, ...]:
        """Return what to send where a channel cannot send this; none for nothing at all."""
        return ()

    def content(self) -> Content:
        """Return it as JSON values."""
        value = msgspec.json.decode(msgspec.json.encode(self))
        return value if self.flat else {self.kind: value}


KINDS: dict[str, type[Reply]] = {}
"""The kinds that maxbot knows, by name."""

ReplyType = TypeVar("ReplyType", bound=Reply)


def kind(name: str, noun: str) -> Callable[[type[ReplyType]], type[ReplyType]]:
    """Register a kind of reply."""

    def register(struct: type[ReplyType]) -> type[ReplyType]:
        struct.kind, struct.noun = name, noun
        KINDS[name] = struct
        return struct

    return register


@kind("text", "a text")
class Text(Reply, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A text. Channels split it where it is longer than a message of the platform."""

    flat: ClassVar[bool] = True

    text: Annotated[str, Meta(min_length=1, extra={"markup": "markup", "in": "content"})]
    formats: Annotated[tuple[Format, ...], Meta(extra={"markup": None})] = ()
    """Not overlapping, or one inside the other."""


class _Media(Reply, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is fetched from a URL and may have a few words with it."""

    url: Address
    """Where the platform fetches it; or what it knows a file by that it was given before."""
    caption: Marked | UnsetType = UNSET
    formats: Annotated[tuple[Format, ...], Meta(extra={"markup": None})] = ()
    """Of the caption."""

    def simpler(self) -> tuple[Reply, ...]:
        """Return the caption, and the URL below it."""
        caption = self.caption or ""
        return (Text(text=f"{caption}\n{self.url}" if caption else self.url, formats=self.formats),)


@kind("image", "an image")
class Image(_Media, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A picture."""


@kind("file", "a file")
class File(_Media, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file to keep."""

    name: Words | UnsetType = UNSET
    mime_type: Words | UnsetType = UNSET
    size: Count | UnsetType = UNSET
    """Bytes; Viber asks for it."""


@kind("audio", "an audio")
class Audio(_Media, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something to hear."""

    voice: bool = False
    """Whether it is spoken for this user, and shown as such."""
    duration: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    """Seconds."""

    def simpler(self) -> tuple[Reply, ...]:
        """Return a file."""
        return (File(url=self.url, caption=self.caption, formats=self.formats),)


@kind("video", "a video")
class Video(_Media, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something to watch."""

    duration: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    """Seconds."""
    size: Count | UnsetType = UNSET
    """Bytes; Viber asks for it."""

    def simpler(self) -> tuple[Reply, ...]:
        """Return a file."""
        return (File(url=self.url, caption=self.caption, formats=self.formats, size=self.size),)


@kind("location", "a location")
class Location(Reply, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place on the map."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    name: Words | UnsetType = UNSET
    address: Words | UnsetType = UNSET

    def simpler(self) -> tuple[Reply, ...]:
        """Return its name and address, and a link to a map that needs no account."""
        place = f"{self.latitude:.6f}/{self.longitude:.6f}"
        link = f"https://www.openstreetmap.org/?mlat={self.latitude:.6f}&mlon={self.longitude:.6f}#map=16/{place}"
        return (Text(text="\n".join(part for part in (self.name, self.address, link) if part)),)


@kind("contact", "a contact")
class Contact(Reply, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A person to call."""

    name: Words
    phone: Words

    def simpler(self) -> tuple[Reply, ...]:
        """Return name and number."""
        return (Text(text=f"{self.name}: {self.phone}"),)


class Button(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something to press."""

    title: Annotated[str, Meta(pattern=r"\S", extra={"in": "content"})]
    """What the user reads."""
    payload: Words | UnsetType = UNSET
    """What the bot gets when it is pressed; the title where it is not said."""
    url: Address | UnsetType = UNSET
    """A link to open. Such a button tells the bot nothing."""

    @property
    def value(self) -> str:
        """What the bot gets."""
        return self.payload or self.title


class _Offer(Reply, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A message with something to press."""

    text: Marked
    formats: Annotated[tuple[Format, ...], Meta(extra={"markup": None})] = ()


@kind("buttons", "a message with buttons")
class Buttons(_Offer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Buttons that belong to a message."""

    image: Image | UnsetType = UNSET
    """Above the text; it has no caption of its own."""
    buttons: Annotated[tuple[Button, ...], Meta(min_length=1, max_length=100, extra={"element": "button"})]

    def simpler(self) -> tuple[Reply, ...]:
        """Return the image before the rest; else quick replies, or a numbered list where a button is a link."""
        if self.image:
            return (self.image, Buttons(text=self.text, formats=self.formats, buttons=self.buttons))
        if any(button.url for button in self.buttons):
            return (numbered(self.text, self.formats, self.buttons),)
        return (QuickReplies(text=self.text, formats=self.formats, replies=self.buttons),)


@kind("quick_replies", "a message with quick replies")
class QuickReplies(_Offer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Answers that are offered once."""

    replies: Annotated[tuple[Button, ...], Meta(min_length=1, max_length=100, extra={"element": "reply"})]

    def simpler(self) -> tuple[Reply, ...]:
        """Return a numbered list."""
        return (numbered(self.text, self.formats, self.replies),)


@kind("native", "a native reply")
class Native(Reply, frozen=True, kw_only=True, omit_defaults=True):
    """What one platform has and no other: by the type of the channel, the object that its API takes.

    On a channel of another type nothing is sent.
    """

    platforms: Annotated[dict[str, dict[str, Any]], Meta(min_length=1, extra={"markup": None})]

    def content(self) -> Content:
        """Return it as JSON values."""
        return {"native": self.platforms}


def numbered(text: str, formats: tuple[Format, ...], buttons: Iterable[Button]) -> Text:
    """Return a text with buttons as a list below it, answered by number or title."""
    lines = [
        f"{number}. {button.title}{f': {button.url}' if button.url else ''}" for number, button in enumerate(buttons, 1)
    ]
    return Text(text="\n".join([text, *lines]), formats=formats)


# Contents


def kind_of(content: Content) -> str:
    """Return the kind of a content: one that maxbot knows, else its first key."""
    return next((key for key in content if key in KINDS), next(iter(content), ""))


def read(content: Content) -> Reply | None:
    """Return a content as the struct of its kind; None for a kind of the author's own.

    Raises:
        ValueError: It is not what its kind holds; the text names what is wrong.
    """
    if len(content) == 1 and type(text := content.get("text")) is str and text:
        return Text(text=text)  # nearly every reply
    name = kind_of(content)
    struct = KINDS.get(name)
    if struct is None:
        return None
    allowed = _keys(struct) if struct.flat else frozenset((name,))
    if others := content.keys() - allowed:
        beside = ", ".join(repr(key) for key in content if key in others)
        raise ValueError(f"a reply with {name!r} has nothing else beside it; here there is {beside}")
    value: Any = content if struct.flat else content[name]
    if not isinstance(value, dict):
        raise ValueError(f"{struct.noun} is a dict like {_example(struct)}, not {type(value).__name__}")
    try:
        reply = msgspec.convert({"platforms": value} if struct is Native else _without_none(value, struct), struct)
    except msgspec.ValidationError as error:
        problem = _explain(struct, value, str(error))
    else:
        if not (problem := _misplaced(reply)):
            return reply
    raise ValueError(problem)


def check(content: Content) -> Content:
    """Return a content as it is stored: checked, and without keys that say nothing.

    Raises:
        ValueError: It is not what its kind holds; the text names what is wrong.
    """
    reply = read(content)
    return content if reply is None else reply.content()


def cannot_send(type: str, sends: Collection[str], kinds: Iterable[str]) -> list[str]:
    """Return what to tell an author whose bot has kinds of replies that a channel can neither send nor replace.

    Args:
        type: The channel's, as in `telegram`.
        sends: The kinds that it sends.
        kinds: Those that the bot may reply with.
    """
    return [f"{type} cannot send {name!r}" for name in dict.fromkeys(kinds) if not _sendable(name, sends)]


def _sendable(name: str, sends: Collection[str]) -> bool:
    # Every kind of ours but `native` ends as a text where a channel knows nothing better.
    return name in sends or (name in KINDS and name != "native" and "text" in sends)


# Looking into a struct takes a hundred times as long as reading a reply.


@functools.cache
def _keys(struct: type[Reply]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(struct))


@functools.cache
def _optional(struct: type[Reply]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(struct) if not field.required)


def _without_none(value: dict[str, Any], struct: type[Reply]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None or key not in _optional(struct)}


def _misplaced(reply: Reply) -> str:
    """Return what is wrong with the formats of a reply; nothing where all is well."""
    formats: tuple[Format, ...] = getattr(reply, "formats", ())
    if not formats:
        return ""
    length = len(getattr(reply, "text", "") or getattr(reply, "caption", "") or "")
    if any(not one.start < one.end <= length for one in formats):
        return f"a format of {reply.noun} lies outside of its text"
    if any((one.style == "link") != bool(one.url) for one in formats):
        return f"a format of {reply.noun} has a url if it is a link, and only then"
    return ""


# What msgspec says, in the words of somebody who wrote a bot


def _explain(struct: type[Reply], value: Any, message: str) -> str:
    what, _, path = message.partition(" - at ")
    path = path.strip("`").removeprefix("$").lstrip(".")
    path = path.removeprefix("platforms") if struct is Native else path
    noun = "a reply" if struct is Text else struct.noun
    name = f"the {path} of {noun}" if path else struct.noun
    if found := re.fullmatch(r"Object missing required field `(\w+)`", what):
        return f"{name} has a {found[1]}"
    if re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        fields = [field.name for field in msgspec.structs.fields(struct)]
        unknown = [str(key) for key in value if key not in fields] if not path else []
        wanted = ", ".join(fields)
        return f"{name} has {wanted}" + (f", and no {', '.join(sorted(unknown))}" if unknown else "; " + what.lower())
    if what.startswith(("Expected `str` of length >= 1", "Expected `array` of length >= 1", "Expected `str` matching")):
        return f"{name} is empty"
    if found := re.fullmatch(r"Expected `array` of length <= (\d+)", what):
        return f"{name} are more than {found[1]}, which is more than any platform shows"
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", what):
        return f"{name} is a {_words(found[1])}, not {_words(found[2])}"
    return f"{name}: {what[:1].lower()}{what[1:]}"


def _words(types: str) -> str:
    names = {"object": "dict", "array": "list", "null": "None"}
    return " or ".join(names.get(part.strip(), part.strip()) for part in types.split("|"))


def _example(struct: type[Reply]) -> str:
    required = [field.name for field in msgspec.structs.fields(struct) if field.required]
    return "{" + ", ".join(f'"{name}": …' for name in required) + "}" if struct is not Native else '{"telegram": {…}}'


# Markup


class Markup(msgspec.Struct, frozen=True, kw_only=True):
    """How a field of a kind is written in the markup of a response."""

    name: str
    """Its key in the JSON."""
    element: str
    """Name of its attribute or element: that of its key, or of one item of a list."""
    type: Literal["string", "integer", "float", "boolean", "url", "markup", "nested"]
    place: Literal["attribute", "element", "content"]
    required: bool = False
    many: bool = False
    fields: tuple[Markup, ...] = ()
    """Of a nested one."""
    formats: bool = False
    """Whether the formats of this markup belong into the key `formats` beside it."""


def markup(name: str) -> tuple[Markup, ...] | None:
    """Return how the fields of a kind are written; None for a kind that cannot be."""
    struct = KINDS[name]
    return None if struct is Native else markup_of(struct)


def markup_of(schema: type[Any]) -> tuple[Markup, ...]:
    """Return how the fields of a struct, dataclass or `TypedDict` are written."""
    return tuple(_fields(schema))


def _fields(schema: type[Any]) -> Iterator[Markup]:
    fields = msgspec.inspect.type_info(schema).fields  # type: ignore[attr-defined]
    names = {field.name for field in fields}
    for field in fields:
        extra, bare = _bare(field.type)
        if "markup" in extra and extra["markup"] is None:
            continue
        many = isinstance(bare, msgspec.inspect.VarTupleType | msgspec.inspect.ListType)
        inner = _bare(bare.item_type)[1] if many else bare
        nested = isinstance(inner, _NESTED)
        type_: Any = "nested" if nested else extra.get("markup", _SCALARS.get(type(inner), "string"))
        yield Markup(
            name=field.name,
            element=extra.get("element", field.name),
            type=type_,
            place=extra.get("in", "element" if nested or many or type_ == "markup" else "attribute"),
            required=field.required,
            many=many,
            fields=tuple(_fields(inner.cls)) if nested else (),
            formats=type_ == "markup" and "formats" in names,
        )


_NESTED = (msgspec.inspect.StructType, msgspec.inspect.DataclassType, msgspec.inspect.TypedDictType)
_SCALARS: dict[type[Any], str] = {
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.FloatType: "float",
    msgspec.inspect.BoolType: "boolean",
}


def _bare(type_: Any) -> tuple[dict[str, Any], Any]:
    """Return what was noted at a type, and the type without notes and alternatives."""
    extra: dict[str, Any] = {}
    while True:
        if isinstance(type_, msgspec.inspect.Metadata):
            extra = {**(type_.extra or {}), **extra}
            type_ = type_.type
        elif isinstance(type_, msgspec.inspect.UnionType):
            type_ = next(one for one in type_.types if not isinstance(one, msgspec.inspect.NoneType))
        else:
            return extra, type_
