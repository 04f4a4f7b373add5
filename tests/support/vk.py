"""A stand-in of VK: its API, its uploads, its long polling and its deliveries. It refuses what VK refuses.

Source: https://dev.vk.com/en/method/messages.send, https://dev.vk.com/en/api/bots/development/keyboard,
https://dev.vk.com/en/api/callback/getting-started, https://dev.vk.com/en/api/bots-long-poll/getting-started
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import web

from tests.support.served import ServedStandIn

TOKEN = "vk1.a.AAAAAAAA-not-a-real-token-of-anybody"
GROUP = 7

RANDOM_ID_WINDOW = 3600.0
"""Seconds for which VK knows a number again; not verified."""

SEND_FIELDS = {
    *("peer_id", "message", "random_id", "attachment", "keyboard", "lat", "long", "format_data"),
    *("disable_mentions", "dont_parse_links", "sticker_id", "payload", "template"),
}


class VkError(Exception):
    """What VK answers with `error`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class VkStandIn(ServedStandIn):
    """VK, for one community."""

    def __init__(self, **faults: Any) -> None:
        super().__init__(**faults)
        self.seen: list[dict[str, str]] = []
        """The messages that users see, in order, repetitions included."""
        self.repetitions = 0
        """Messages that were known by their number."""
        self.gone: set[int] = set()
        """Messages that cannot be edited any more."""
        self.allowed: set[int] | None = None
        """Who may be written to; None: everybody."""
        self.servers: dict[int, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        """For long polling; the ts of an event is its place."""
        self.failed: list[dict[str, Any]] = []
        """What polls are answered instead, in order."""
        self.uploaded: dict[str, bytes] = {}
        self.refuses_uploads = False
        self.code = "code-0"
        self.confirmed: list[bool] = []
        self._sent: dict[tuple[int, int], tuple[float, int]] = {}
        self._news = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/method/{method}", self._method),
            web.post("/upload/{kind}", self._upload),
            web.get("/poll", self._poll),
        ]

    # Calls

    async def _method(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        method = request.match_info["method"]
        try:
            if request.content_type != "application/x-www-form-urlencoded" or request.query:
                raise VkError(100, "One of the parameters specified was missing or invalid: a form is expected")
            if form.pop("access_token", "") != TOKEN:
                raise VkError(5, "User authorization failed: invalid access_token (4).")
            if not form.pop("v", "").startswith("5."):
                raise VkError(8, "Invalid request: v (version) is required")
            self.calls.append((method, dict(form)))
            if method == "messages.send":
                return await self._send(request, form)
            return _answer(await self._methods()[method](form))
        except VkError as error:
            return web.json_response({"error": {"error_code": error.code, "error_msg": str(error)}})

    def _methods(self) -> dict[str, Callable[[dict[str, str]], Any]]:
        return {
            "messages.setActivity": self._done,
            "messages.edit": self._edit,
            "messages.sendMessageEventAnswer": self._done,
            "groups.getById": self._group,
            "groups.getCallbackConfirmationCode": self._confirmation_code,
            "groups.getCallbackServers": self._callback_servers,
            "groups.addCallbackServer": self._add_server,
            "groups.editCallbackServer": self._edit_server,
            "groups.setCallbackSettings": self._done,
            "groups.setLongPollSettings": self._done,
            "groups.getLongPollServer": self._long_poll_server,
            "photos.getMessagesUploadServer": self._place_for_photo,
            "photos.saveMessagesPhoto": self._save_photo,
            "docs.getMessagesUploadServer": self._place_for_document,
            "docs.save": self._save_document,
        }

    async def _done(self, form: dict[str, str]) -> Any:
        return 1

    async def _group(self, form: dict[str, str]) -> Any:
        return {"groups": [{"id": GROUP, "name": "Us"}], "profiles": []}

    # Messages

    async def _send(self, request: web.Request, form: dict[str, str]) -> web.Response:
        peer, number = _integer(form, "peer_id"), _integer(form, "random_id")
        fate = self.fate(str(peer), form.get("message", ""))
        await asyncio.sleep(fate.delay)
        if fate.outcome == "500":
            return web.Response(status=500, text="<html>oh</html>", content_type="text/html")
        if fate.outcome in ("429", "early"):
            raise VkError(6, "Too many requests per second")
        if self.allowed is not None and peer not in self.allowed:
            raise VkError(901, "Can't send messages for users without permission")
        _check_message(form, number, self.uploaded)
        when, id_ = self._sent.get((peer, number), (float("-inf"), 0))
        if number and self.clock() - when < RANDOM_ID_WINDOW:
            self.repetitions += 1
        else:
            self.seen.append(form)
            id_ = len(self.seen)
            self._sent[peer, number] = self.clock(), id_
        if fate.outcome in ("lost", "stall"):
            await self.lose(request, fate)
        if fate.outcome == "500_after":
            raise VkError(10, "Internal server error")
        return _answer(id_)

    async def _edit(self, form: dict[str, str]) -> Any:
        peer, number = _integer(form, "peer_id"), _integer(form, "message_id")
        fate = self.fate(str(peer), form.get("message", ""))
        await asyncio.sleep(fate.delay)
        if fate.outcome != "ok":
            raise VkError(6 if fate.outcome in ("429", "early") else 10, "Not this time")
        if not 1 <= number <= len(self.seen) or number in self.gone or self.seen[number - 1]["peer_id"] != str(peer):
            raise VkError(100, "One of the parameters specified was missing or invalid: message_id is undefined")
        change = {name: value for name, value in form.items() if name != "message_id"}
        _check_message(change, 0, self.uploaded)
        self.seen[number - 1].update(change)
        return 1

    # Uploads

    async def _place_for_photo(self, form: dict[str, str]) -> Any:
        _integer(form, "peer_id")
        return {"upload_url": f"{self.url}/upload/photo?act=do_add&hash=abc", "album_id": -64, "user_id": 0}

    async def _place_for_document(self, form: dict[str, str]) -> Any:
        _integer(form, "peer_id")
        if form.get("type") not in ("doc", "audio_message"):
            raise VkError(100, "One of the parameters specified was missing or invalid: type")
        return {"upload_url": f"{self.url}/upload/{form['type']}?hash=abc"}

    async def _upload(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        part = (await request.post()).get("photo" if kind == "photo" else "file")
        if not isinstance(part, web.FileField) or self.refuses_uploads:
            refused = {"server": 1, "photo": "[]", "hash": "h"} if kind == "photo" else {"error": "no_file"}
            return web.json_response(refused)
        name = f"{kind}|{len(self.uploaded)}|{part.filename}"
        self.uploaded[name] = part.file.read()
        return web.json_response({"server": 1, "photo": name, "hash": "h"} if kind == "photo" else {"file": name})

    async def _save_photo(self, form: dict[str, str]) -> Any:
        if form.get("photo") not in self.uploaded or form.get("hash") != "h" or form.get("server") != "1":
            raise VkError(121, "Invalid hash")
        number = list(self.uploaded).index(form["photo"])
        self.uploaded[f"photo-{GROUP}_{number}_key"] = self.uploaded[form["photo"]]
        return [{"id": number, "owner_id": -GROUP, "access_key": "key", "sizes": []}]

    async def _save_document(self, form: dict[str, str]) -> Any:
        if form.get("file") not in self.uploaded:
            raise VkError(100, "One of the parameters specified was missing or invalid: file")
        kind = form["file"].partition("|")[0]
        number = list(self.uploaded).index(form["file"])
        self.uploaded[f"doc-{GROUP}_{number}"] = self.uploaded[form["file"]]
        return {"type": kind, kind: {"id": number, "owner_id": -GROUP}}

    # Callback servers

    async def _confirmation_code(self, form: dict[str, str]) -> Any:
        return {"code": self.code}

    async def _callback_servers(self, form: dict[str, str]) -> Any:
        return {"count": len(self.servers), "items": [{"id": id_, **one} for id_, one in self.servers.items()]}

    async def _add_server(self, form: dict[str, str]) -> Any:
        if len(self.servers) >= 10:
            raise VkError(2000, "Servers number limit is reached")
        id_ = max(self.servers, default=0) + 1
        await self._save_server(id_, form)
        return {"server_id": id_}

    async def _edit_server(self, form: dict[str, str]) -> Any:
        if (id_ := _integer(form, "server_id")) not in self.servers:
            raise VkError(100, "One of the parameters specified was missing or invalid: server_id not found")
        await self._save_server(id_, form)
        return 1

    async def _save_server(self, id_: int, form: dict[str, str]) -> None:
        if not form["url"].startswith("http") or len(form["title"]) > 14 or len(form["secret_key"]) > 50:
            raise VkError(100, "One of the parameters specified was missing or invalid: url, title or secret_key")
        self.code = f"code-{len(self.confirmed) + 1}"
        self.servers[id_] = {name: form[name] for name in ("url", "title", "secret_key")}
        _, said = await self.deliver(form["url"], {"type": "confirmation"}, form["secret_key"])
        self.confirmed.append(said == self.code)

    async def deliver(self, url: str, event: dict[str, Any], secret: str) -> tuple[int, str]:
        """Deliver an event once; return status and body."""
        body = {"group_id": GROUP, **event, "secret": secret}
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
            return response.status, await response.text()

    # Long polling

    async def _long_poll_server(self, form: dict[str, str]) -> Any:
        return {"key": "a-key", "server": f"{self.url}/poll", "ts": str(len(self.events))}

    def happen(self, *events: dict[str, Any]) -> None:
        """Let something happen that pollers hear of."""
        self.events += events
        self._news.set()

    async def _poll(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.calls.append(("poll", query))
        if self.failed:
            return web.json_response(self.failed.pop(0))
        if query.get("act") != "a_check" or query.get("key") != "a-key":
            return web.json_response({"failed": 2})
        ts = int(query["ts"])
        if ts >= len(self.events):
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(float(query["wait"]), 0.05))
        news = self.events[ts : ts + 2]
        return web.json_response({"ts": str(ts + len(news)), "updates": news})


def _answer(result: Any) -> web.Response:
    return web.json_response({"response": result})


def _integer(form: dict[str, str], name: str) -> int:
    try:
        return int(form[name])
    except (KeyError, ValueError):
        raise VkError(100, f"One of the parameters specified was missing or invalid: {name} not integer") from None


def _check_message(form: dict[str, str], number: int, known: dict[str, bytes]) -> None:
    if unknown := form.keys() - SEND_FIELDS:
        raise VkError(100, f"One of the parameters specified was missing or invalid: {unknown}")
    if not -(2**31) <= number < 2**31:
        raise VkError(100, "One of the parameters specified was missing or invalid: random_id is int32")
    if len(form.get("message", "").encode("utf-16-le")) // 2 > 4096:
        raise VkError(914, "Message is too long")
    if not any(form.get(name) for name in ("message", "attachment", "lat", "sticker_id")):
        raise VkError(100, "One of the parameters specified was missing or invalid: message is empty or invalid")
    if form.get("attachment", "") not in ("", *known, "photo1_2"):
        raise VkError(100, "One of the parameters specified was missing or invalid: no such attachment")
    if "format_data" in form:
        _check_formats(json.loads(form["format_data"]), len(form["message"].encode("utf-16-le")) // 2)
    if "keyboard" in form:
        _check_keyboard(json.loads(form["keyboard"]))


def _check_formats(data: dict[str, Any], length: int) -> None:
    for item in data["items"]:
        good = item["type"] in ("bold", "italic", "underline", "url") and ("url" in item) == (item["type"] == "url")
        if data["version"] != 1 or not good or not 0 <= item["offset"] < item["offset"] + item["length"] <= length:
            raise VkError(100, "One of the parameters specified was missing or invalid: format_data")


def _check_keyboard(keyboard: dict[str, Any]) -> None:
    rows: list[list[dict[str, Any]]] = keyboard["buttons"]
    inline = keyboard.get("inline", False)
    most_rows, most = (6, 10) if inline else (10, 40)
    if len(rows) > most_rows or sum(map(len, rows)) > most or any(not 1 <= len(row) <= 5 for row in rows):
        raise VkError(911, "Keyboard format is invalid: too many buttons")
    if inline and "one_time" in keyboard:
        raise VkError(911, "Keyboard format is invalid: inline keyboard can't be one_time")
    for button in (button for row in rows for button in row):
        action = button["action"]
        if not 1 <= len(action["label"].encode("utf-16-le")) // 2 <= 40:
            raise VkError(911, "Keyboard format is invalid: label")
        if len(action.get("payload", "")) > 255 or ("color" in button) != (action["type"] in ("text", "callback")):
            raise VkError(911, "Keyboard format is invalid: payload or color")
        if "payload" in action:
            json.loads(action["payload"])
