"""A stand-in of Slack: its Web API, its place for uploads and its signed deliveries. It refuses what Slack refuses.

Source: https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/reference/block-kit/blocks,
https://docs.slack.dev/reference/methods/files.completeUploadExternal
"""

import asyncio
import hashlib
import hmac
import json
import re
import time
from typing import Any

from aiohttp import web

from tests.support.served import ServedStandIn

TOKEN = "xoxb-000000000000-not-a-real-token"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"

MESSAGE_FIELDS = {"channel", "text", "blocks", "metadata", "mrkdwn", "thread_ts", "unfurl_links", "unfurl_media"}
UPDATE_FIELDS = {"channel", "ts", "text", "blocks", "metadata"}
MARKUP = re.compile(r"<(?!https?://|mailto:)|&(?!amp;|lt;|gt;)")


class SlackError(Exception):
    """What Slack answers with `error`."""


class SlackStandIn(ServedStandIn):
    """Slack, for one workspace."""

    def __init__(self, **faults: Any) -> None:
        super().__init__(**faults)
        self.seen: list[dict[str, Any]] = []
        """The messages that users see, in order, repetitions included."""
        self.closed: set[str] = set()
        """Channels that are archived."""
        self.unreachable_images: set[str] = set()
        self.scopes = {"chat:write", "files:write", "im:history"}
        self.names: list[str] = []
        """The ts of each."""
        self.gone: set[str] = set()
        """Messages that cannot be changed any more, by their ts."""
        self.today = 1700000000
        """Second in which all messages come."""
        self.limited = 0
        """How many looks at what was said are refused before one is answered."""
        self.updates: list[float] = []
        """When messages were changed, in the last minute."""
        self.files: dict[str, bytes] = {}
        self._lengths: dict[str, int] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/{method}", self._method), web.post("/upload/{file}", self._upload)]

    async def _method(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise SlackError("invalid_auth")
            arguments = await _arguments(request, method)
            self.calls.append((method, arguments))
            match method:
                case "chat.postMessage":
                    return await self._message(request, arguments)
                case "chat.update":
                    return await self._update(request, arguments)
                case "conversations.history" | "conversations.replies":
                    return self._history(method, arguments)
                case "files.getUploadURLExternal":
                    return self._place(arguments)
                case "files.completeUploadExternal":
                    return await self._complete(request, arguments)
            raise SlackError("unknown_method")
        except SlackError as error:
            return web.json_response({"ok": False, "error": str(error)})

    async def _message(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        if unknown := message.keys() - MESSAGE_FIELDS:
            raise SlackError(f"invalid_arguments: {unknown}")
        if not message.get("text"):
            raise SlackError("no_text")
        if len(message["text"]) > 40_000:
            raise SlackError("msg_too_long")
        if message.get("mrkdwn") is False and MARKUP.search(message["text"]):
            raise SlackError("invalid_arguments: text is not escaped")
        for block in message.get("blocks", []):
            self._check_block(block)
        return await self._show(request, message["channel"], message)

    async def _update(self, request: web.Request, change: dict[str, Any]) -> web.StreamResponse:
        if unknown := change.keys() - UPDATE_FIELDS:
            raise SlackError(f"invalid_arguments: {unknown}")
        if not change.get("text") or len(change["text"]) > 4000:
            raise SlackError("msg_too_long" if change.get("text") else "no_text")
        if change.get("ts") in self.gone or change.get("ts") not in self.names:
            raise SlackError("message_not_found")
        now = time.monotonic()
        self.updates = [at for at in self.updates if at > now - 60.0]
        if len(self.updates) >= 50:
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers={"Retry-After": "10"})
        self.updates.append(now)
        fate = self.fate(change["channel"], change["text"])
        await asyncio.sleep(fate.delay)
        if fate.outcome == "500":
            return web.Response(status=500, text="<html>oh</html>", content_type="text/html")
        if fate.retry_after is not None:
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers={"Retry-After": str(fate.retry_after)})
        self.seen[self.names.index(change["ts"])].update(text=change["text"], metadata=change.get("metadata"))
        if fate.outcome in ("lost", "stall"):
            await self.lose(request, fate)
        return web.json_response({"ok": True, "channel": change["channel"], "ts": change["ts"]})

    async def _show(self, request: web.Request, channel: str, message: dict[str, Any]) -> web.StreamResponse:
        if channel in self.closed:
            raise SlackError("is_archived")
        if not re.fullmatch("[CDGU][A-Z0-9]+", channel):
            raise SlackError("channel_not_found")
        fate = self.fate(channel, message.get("text", ""))
        await asyncio.sleep(fate.delay)
        if fate.outcome == "500":
            return web.Response(status=500, text="<html>oh</html>", content_type="text/html")
        if fate.retry_after is not None:
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers={"Retry-After": str(fate.retry_after)})
        ts = f"{self.today}.{len(self.seen) + 1:06}"
        self.seen.append(message)
        self.names.append(ts)
        if fate.outcome in ("lost", "stall"):
            await self.lose(request, fate)
        if fate.outcome == "500_after":
            raise SlackError("internal_error")
        return web.json_response({"ok": True, "channel": channel, "ts": ts})

    def _history(self, method: str, arguments: dict[str, Any]) -> web.Response:
        """The latest messages, last first; of a thread, first first. Metadata is shown to who asks for it."""
        if "im:history" not in self.scopes:
            return web.json_response({"ok": False, "error": "missing_scope", "needed": "im:history"})
        if self.limited:
            self.limited -= 1
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers={"Retry-After": "1"})
        thread = arguments["ts"] if method == "conversations.replies" else None
        found = [
            {"type": "message", "ts": ts, "text": message["text"], "metadata": message.get("metadata")}
            for ts, message in zip(self.names, self.seen, strict=True)
            if message.get("channel") == arguments["channel"]
            and message.get("thread_ts") == thread
            and float(ts) >= float(arguments["oldest"])
        ]
        if arguments.get("include_all_metadata") != "true":
            found = [{name: value for name, value in message.items() if name != "metadata"} for message in found]
        ordered = found if thread else found[::-1]
        return web.json_response({"ok": True, "messages": ordered[: int(arguments["limit"])], "has_more": False})

    def _check_block(self, block: dict[str, Any]) -> None:
        match block["type"]:
            case "section":
                good = block["text"]["type"] == "mrkdwn" and 1 <= len(block["text"]["text"]) <= 3000
            case "image":
                title = block.get("title", {}).get("text", "x")
                texts = len(block["image_url"]) <= 3000 and 1 <= len(block["alt_text"]) <= 2000 and len(title) <= 2000
                good = texts and block["image_url"] not in self.unreachable_images
            case "actions":
                ids = [element["action_id"] for element in block["elements"]]
                good = len(set(ids)) == len(ids) <= 25 and all(map(_is_good_button, block["elements"]))
            case _:
                good = False
        if not good:
            raise SlackError("invalid_blocks")

    # Files

    def _place(self, arguments: dict[str, Any]) -> web.Response:
        if "files:write" not in self.scopes:
            return web.json_response({"ok": False, "error": "missing_scope", "needed": "files:write"})
        if not arguments.get("filename") or not arguments.get("length", "").isdigit():
            raise SlackError("invalid_arguments")
        id_ = f"F{len(self._lengths) + 1}"
        self._lengths[id_] = int(arguments["length"])
        return web.json_response({"ok": True, "upload_url": f"{self.url}/upload/{id_}?v=1", "file_id": id_})

    async def _upload(self, request: web.Request) -> web.Response:
        id_, content = request.match_info["file"], await request.read()
        if "Authorization" in request.headers or self._lengths.get(id_) != len(content):
            return web.Response(status=400)
        self.files[id_] = content
        return web.Response(text=f"OK - {len(content)}")

    async def _complete(self, request: web.Request, arguments: dict[str, Any]) -> web.StreamResponse:
        if any(file["id"] not in self.files for file in arguments["files"]):
            raise SlackError("file_not_found")
        return await self._show(request, arguments["channel_id"], arguments)


async def _arguments(request: web.Request, method: str) -> dict[str, Any]:
    if request.content_type == "application/json":
        if method == "files.getUploadURLExternal":
            raise SlackError("invalid_arguments")  # this one takes no JSON
        arguments: dict[str, Any] = await request.json()
        return arguments
    return {name: str(value) for name, value in (await request.post()).items()}


def _is_good_button(element: dict[str, Any]) -> bool:
    return (
        element["type"] == "button"
        and element["text"]["type"] == "plain_text"
        and 1 <= len(element["text"]["text"]) <= 75
        and len(element.get("value", "")) <= 2000
        and len(element.get("url", "")) <= 3000
        and len(element["action_id"]) <= 255
    )


def signed(body: bytes, at: int | str, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of a delivery."""
    signature = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": str(at), "x-slack-signature": f"v0={signature}"}


def event(happened: dict[str, Any], event_id: str = "Ev1") -> bytes:
    """Return an event's delivery."""
    around = {"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": event_id, "event_time": 1}
    mine = [{"team_id": "T1", "user_id": "U0BOT", "is_bot": True, "is_enterprise_install": False}]
    return json.dumps({"token": "old", **around, "authorizations": mine, "event": happened}).encode()
