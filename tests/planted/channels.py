"""Bugs in the messengers."""

from tests.planted.bug import Bug

BUGS = (
    Bug(
        "parse-before-verify",
        "nothing unauthenticated is stored or acted on, nor parsed",
        "maxbot/channels/base.py",
        "        self.verify(request)\n        return Received(self.parse(request))\n",
        "        parsed = self.parse(request)\n        self.verify(request)\n        return Received(parsed)\n",
        ("tests/server/edge/test_webapp.py",),
    ),
    Bug(
        "a-proxys-no-for-the-platforms",
        "only the platform's own words are its verdict",
        "maxbot/channels/telegram/api.py",
        "            if answer.its_own:\n",
        "            if True:\n",
        ("tests/channels/test_telegram.py",),
    ),
    Bug(
        "cut-in-a-grapheme",
        "nothing that looks like one character is cut",
        "maxbot/channels/split.py",
        "    return next((end for end in range(fitting, start, -1) if is_boundary(text, end)), fitting)\n",
        "    return fitting\n",
        ("tests/channels/test_split.py",),
    ),
    Bug(
        "a-visitor-by-the-tab-alone",
        "one visitor cannot read another's replies",
        "maxbot/channels/web/visitors.py",
        'hashlib.sha256(f"{self.cookie}\\0{tab}".encode())',
        "hashlib.sha256(tab.encode())",
        ("tests/channels/test_web.py",),
    ),
    Bug(
        "any-media-type",
        "a page elsewhere cannot have a browser write to the bot",
        "maxbot/channels/web/channel.py",
        '.strip().lower() != "application/json":',
        '.strip().lower() == "nothing":',
        ("tests/channels/test_web.py",),
    ),
    Bug(
        "connections-without-end",
        "calls to platforms do not use up the descriptors",
        "maxbot/channels/client.py",
        "asyncio.Semaphore(connections)",
        "asyncio.Semaphore(10**9)",
        ("tests/channels/test_contract.py", "tests/channels/test_telegram.py"),
    ),
    Bug(
        "token-in-an-error",
        "no secret leaves",
        "maxbot/channels/direct.py",
        "        response = await self._connections.request(",
        """        from maxbot.errors import RetryLater, SendError

        try:
            await self._connections.request(request, timeout=timeout, connect_timeout=connect_timeout)
        except SendError as error:
            raise RetryLater(f"{error}: {target}") from error
        response = await self._connections.request(""",
        ("tests/channels",),
    ),
    Bug(
        "private-addresses",
        "templates ask no address that is not public, but those of services",
        "maxbot/channels/ask.py",
        "if is_public(str(address[4][0]))",
        "if address",
        ("tests/extensions/test_rest.py",),
    ),
    Bug(
        "signature-of-json",
        "a webhook is signed over its bytes as they came",
        "maxbot/channels/signature.py",
        "before + body",
        "before + body.strip()",
        ("tests/channels/test_platforms.py", "tests/channels/test_whatsapp.py"),
    ),
    Bug(
        "dialog-of-the-page",
        "the dialog of a Messenger user is the sender's",
        "maxbot/channels/facebook/updates.py",
        "    user = event.sender.id if event.sender else None\n",
        "    user = event.recipient.id if event.recipient else None\n",
        ("tests/channels/test_facebook.py",),
    ),
    Bug(
        "first-of-a-batch",
        "all messages of a delivery are read",
        "maxbot/channels/whatsapp/updates.py",
        "                yield from change.value.messages\n",
        "                yield from change.value.messages[:1]\n",
        ("tests/channels/test_whatsapp.py",),
    ),
    Bug(
        "status-is-the-verdict",
        "what Viber says with status 200 decides",
        "maxbot/channels/viber/api.py",
        "        if answer.status != 0:\n",
        "        if status != 200:\n",
        ("tests/channels/test_viber.py",),
    ),
    Bug(
        "no-pace",
        "a platform's limit is kept before it has to say so",
        "maxbot/channels/pace.py",
        "    if seconds > LONGEST_WAIT:\n",
        "    if False:\n",
        ("tests/channels/test_pace.py",),
    ),
    Bug(
        "a-redirect-is-trusted",
        "nobody is connected to at an address that is not public, redirects included",
        "maxbot/channels/media.py",
        "        is_own = hop == 0 and owner.has(parts)\n",
        "        is_own = hop > 0 or owner.has(parts)\n",
        ("tests/channels/test_fetch.py",),
    ),
    Bug(
        "a-name-is-resolved-twice",
        "a name that resolves to something else a moment later changes nothing",
        "maxbot/channels/ask.py",
        "        if public:\n            return public\n",
        "        if public:\n            return await super()._addresses()\n",
        ("tests/channels/test_fetch.py",),
    ),
    Bug(
        "a-file-without-end",
        "a file of a user costs a limited time",
        "maxbot/channels/media.py",
        "        async with asyncio.timeout(bounds.seconds):\n            media = await step\n",
        "        media = await step\n",
        ("tests/channels/test_fetch.py",),
    ),
)
