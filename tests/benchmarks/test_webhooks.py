"""What the channels are measured with is what they take: each webhook of each platform is one text of its user."""

import asyncio

import pytest

from benchmarks.webhooks import PLATFORMS, TEXT, webhook
from maxbot.channels.base import Request
from maxbot.channels.registry import channel_class


@pytest.mark.parametrize("name", PLATFORMS)
def test_each_webhook_is_a_text_of_its_user(name: str) -> None:
    channel = channel_class(name)(**PLATFORMS[name].options)
    received = [asyncio.run(channel.receive(Request(*webhook(name, *which)))) for which in ((1, 1), (1, 2), (2, 3))]
    updates = [update for one in received for update in one.updates]
    assert [update.message for update in updates] == [{"text": TEXT}] * 3
    assert len({update.key for update in updates}) == 3
    assert len({update.dialog for update in updates}) == 2
