"""A language model behind HTTP, as many providers and servers of one's own offer it.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TypedDict

import aiohttp
import msgspec

LONGEST = 8000
"""Characters of an answer; the rest is not read."""


class Message(TypedDict):
    """One message of a conversation: `role` is `user` or `assistant`."""

    role: str
    content: str


class Delta(msgspec.Struct):
    content: str | None = None


class Choice(msgspec.Struct):
    delta: Delta


class Event(msgspec.Struct):
    """A piece of an answer, as it is streamed."""

    choices: list[Choice]


decode = msgspec.json.Decoder(Event).decode


class Unavailable(Exception):
    """There is no answer now; it is worth asking again later."""


@dataclass(frozen=True)
class Model:
    """Where the model is, and how long it may take.

    The answer is streamed. So a model that is slow but at work may take its time, and one that hangs is noticed.
    """

    url: str
    name: str
    key: str = field(repr=False)
    pause: float
    """Seconds without a piece of the answer, also without the first one."""
    whole: float
    """Seconds for the whole answer."""

    async def answer(self, messages: list[Message]) -> AsyncIterator[str]:
        """Yield what the model says, piece by piece; where it breaks off, three dots are the last one.

        Raises:
            Unavailable: Nothing came.
        """
        said = ""
        try:
            async for piece in self._pieces(messages):
                yield piece[: LONGEST - len(said)]
                said += piece
                if len(said) > LONGEST:
                    yield " …"
                    return
        except Unavailable:
            if not said.strip():
                raise
            yield " …"
        if not said.strip():
            raise Unavailable("it said nothing")

    async def _pieces(self, messages: list[Message]) -> AsyncIterator[str]:
        timeout = aiohttp.ClientTimeout(total=self.whole, connect=self.pause, sock_read=self.pause)
        body = {"model": self.name, "messages": messages, "stream": True}
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            # A session for each answer costs nothing beside seconds of waiting, and none has to be closed at a stop.
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.post(f"{self.url}/chat/completions", json=body) as response,
            ):
                if response.status != 200:
                    raise Unavailable(f"its status is {response.status}")
                async for line in response.content:
                    if line.startswith(b"data: [DONE]"):
                        return
                    if line.startswith(b"data: "):
                        yield "".join(choice.delta.content or "" for choice in decode(line[6:]).choices)
        except TimeoutError:
            raise Unavailable("it took too long") from None
        except (aiohttp.ClientError, ValueError) as error:  # ValueError: a line without end, or no JSON of this form
            raise Unavailable(f"{type(error).__name__}: {error}") from None
        raise Unavailable("it hung up in the middle")
