"""Where VK delivers a community's events: its callback servers, each of which has to prove that it is ours.

Source: https://dev.vk.com/en/api/callback/getting-started
"""

import asyncio

import msgspec

from maxbot.channels.vk.api import VkApi
from maxbot.channels.vk.updates import KINDS
from maxbot.errors import Misconfigured

CODE_GOOD_FOR = 10.0
"""Seconds: the code changes when a server is added or edited (VKCOM/vk-java-sdk #186)."""


class _Server(msgspec.Struct):
    id: int
    url: str = ""
    title: str = ""


class _Servers(msgspec.Struct):
    items: list[_Server] = []


class _Added(msgspec.Struct):
    server_id: int


class _Code(msgspec.Struct):
    code: str


class _Group(msgspec.Struct):
    id: int


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


_servers_decoder = msgspec.json.Decoder(_Servers)
_added_decoder = msgspec.json.Decoder(_Added)
_code_decoder = msgspec.json.Decoder(_Code)
_groups_decoder = msgspec.json.Decoder(_Groups | list[_Group])


class Servers:
    """The callback servers of one community.

    Args:
        api: With a token that may manage it.
        group_id: The community's; None: the one whose token it is.
    """

    def __init__(self, api: VkApi, group_id: int | None) -> None:
        self._api = api
        self._group_id = group_id
        self._code = ""
        self._good_until = 0.0

    async def group(self) -> int:
        """Return the community's id.

        Raises:
            SendError: VK does not say it, or knows none.
        """
        if self._group_id is None:
            found = await self._api.ask(_groups_decoder, "groups.getById")
            groups = found if isinstance(found, list) else found.groups
            if not groups:
                raise Misconfigured("VK knows no community of this token: check access_token, or set group_id")
            self._group_id = groups[0].id
        return self._group_id

    async def code(self) -> str:
        """Return what VK wants to hear from a server that it is to deliver to.

        Raises:
            SendError: VK does not say it.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._good_until:
            answer = await self._api.ask(
                _code_decoder, "groups.getCallbackConfirmationCode", group_id=await self.group()
            )
            self._code, self._good_until = answer.code, now + CODE_GOOD_FOR
        return self._code

    async def register(self, url: str, title: str, secret: str, version: str) -> None:
        """Have VK deliver to a URL. A server that has it, or our title, is changed; those of others stay.

        Raises:
            SendError: VK did not take it.
        """
        group = await self.group()
        known = await self._api.ask(_servers_decoder, "groups.getCallbackServers", group_id=group)
        ours = [server for server in known.items if server.url == url]
        ours += [server for server in known.items if server.title == title]
        server: dict[str, str | int] = {"group_id": group, "url": url, "title": title, "secret_key": secret}
        if ours:
            server_id = ours[0].id
            await self._api.call("groups.editCallbackServer", server_id=server_id, **server)
        else:
            server_id = (await self._api.ask(_added_decoder, "groups.addCallbackServer", **server)).server_id
        wanted = dict.fromkeys((*KINDS, "message_deny"), 1)
        await self._api.call(
            "groups.setCallbackSettings", group_id=group, server_id=server_id, api_version=version, **wanted
        )
