"""A stand-in of all platforms' servers of files: each gives a file to whoever asks as that platform wants it.

`F1` is a small image, as are its kin; `endless` never ends, `big` has 64 KiB, `login` is what Slack gives without a
scope, `away` redirects to `self.elsewhere`. Others are unknown.

Source: https://core.telegram.org/bots/api#getfile, https://docs.slack.dev/reference/methods/files.info,
…/business-messaging/whatsapp/business-phone-numbers/media
"""

import asyncio
from typing import Any

from aiohttp import web

from tests.support import facebook, slack
from tests.support.served import ServedStandIn

TELEGRAM_TOKEN = "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
PNG = b"\x89PNG\r\n\x1a\n and what goes on"
KNOWN = ("F1", "endless", "big", "login", "away")


class FilesStandIn(ServedStandIn):
    """Serves files and says where they are."""

    elsewhere = ""
    """Where `away` redirects to."""

    def __init__(self, **faults: Any) -> None:
        super().__init__(**faults)
        self.asked: list[tuple[str, str]] = []
        """For files: path, and what stood in `Authorization`."""
        self.cut = 0
        """Endless files whose caller went away."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"/bot{TELEGRAM_TOKEN}/getFile", self._telegram),
            web.get(f"/file/bot{TELEGRAM_TOKEN}/photos/{{file}}", self._file),
            web.get("/v25.0/{file}", self._whatsapp),
            web.post("/api/files.info", self._slack),
            web.get("/files/{file}", self._file),
        ]

    async def _telegram(self, request: web.Request) -> web.Response:
        file = (await request.json())["file_id"]
        if file not in KNOWN:
            answer = {"ok": False, "error_code": 400, "description": "Bad Request: invalid file_id"}
            return web.json_response(answer, status=400)
        return web.json_response({"ok": True, "result": {"file_id": file, "file_path": f"photos/{file}"}})

    async def _whatsapp(self, request: web.Request) -> web.Response:
        file = request.match_info["file"]
        if request.headers.get("Authorization") != f"Bearer {facebook.TOKEN}" or file not in KNOWN:
            error = {"message": "Unsupported get request. Object does not exist", "code": 100, "error_subcode": 33}
            return web.json_response({"error": error}, status=400)
        return web.json_response({"url": f"{self.url}/files/{file}?mid=1", "mime_type": "image/png", "id": file})

    async def _slack(self, request: web.Request) -> web.Response:
        file = str((await request.post()).get("file"))
        if request.headers.get("Authorization") != f"Bearer {slack.TOKEN}" or file not in KNOWN:
            return web.json_response({"ok": False, "error": "file_not_found"})
        where = {"url_private_download": f"{self.url}/files/{file}", "mimetype": "image/png", "size": 9}
        return web.json_response({"ok": True, "file": {"id": file, **where}})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, request.headers.get("Authorization", "")))
        match request.match_info["file"]:
            case "endless":
                return await self._never_ends(request)
            case "big":
                return web.Response(body=PNG + bytes(64 * 1024))
            case "login":
                return web.Response(text="<!DOCTYPE html><title>Sign in</title>", content_type="text/html")
            case "away":
                raise web.HTTPFound(self.elsewhere)
            case "F1":
                return web.Response(body=PNG, content_type="application/octet-stream")
        return web.Response(status=404)

    async def _never_ends(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.01)
        finally:
            self.cut += 1
