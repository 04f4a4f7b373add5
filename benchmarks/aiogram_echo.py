"""The same echo bot with aiogram's webhook, put together as its documentation does for a server behind a proxy.

Two things are in its favour: no log is written, and `--uvloop` runs it on the faster event loop (aiogram itself does so
when it polls and uvloop is installed, its webhook documentation does not).

Source: https://docs.aiogram.dev/en/latest/dispatcher/webhook.html#aiohttp-integration
"""

import asyncio
import os
import sys

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web


async def echo(message: Message) -> None:
    await message.answer(message.text or "")


async def ready(request: web.Request) -> web.Response:
    return web.Response()


def main() -> None:
    dispatcher = Dispatcher()
    dispatcher.message.register(echo)
    api = TelegramAPIServer.from_base(os.environ["BENCH_API_URL"])
    bot = Bot(os.environ["BENCH_TOKEN"], session=AiohttpSession(api=api))
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, secret_token=os.environ["BENCH_SECRET"]).register(app, path="/telegram")
    app.router.add_get("/health/ready", ready)
    setup_application(app, dispatcher, bot=bot)
    loop: asyncio.AbstractEventLoop | None = None
    if "--uvloop" in sys.argv:
        import uvloop

        loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), print=None, loop=loop)


if __name__ == "__main__":
    main()
