"""Stands in for a language model: as slow as one, and with its troubles, but it only counts and repeats.

`python stand_in.py --port 8099 --pause 0.3`; what the last message begins with decides what happens:

fail    status 500
hang    no answer at all
break   half of an answer, then the connection is gone
"""

import argparse
import asyncio
import json

from aiohttp import web


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer as a model does, word by word."""
    messages = (await request.json())["messages"]
    last = messages[-1]["content"]
    if last.startswith("fail"):
        raise web.HTTPInternalServerError
    if last.startswith("hang"):
        await asyncio.sleep(3600)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    words = f"I was told {len(messages)} messages, and the last one is: {last}".split(" ")
    for number, word in enumerate(words):
        if last.startswith("break") and number > len(words) // 2:
            request.transport.abort()
            return response
        await asyncio.sleep(request.app["pause"])
        delta = {"content": word if number == 0 else f" {word}"}
        await response.write(b"data: %b\n\n" % json.dumps({"choices": [{"delta": delta}]}).encode())
    await response.write(b"data: [DONE]\n\n")
    return response


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--pause", type=float, default=0.3, help="seconds before each word")
    given = parser.parse_args()
    app = web.Application()
    app["pause"] = given.pause
    app.router.add_post("/v1/chat/completions", complete)
    web.run_app(app, host="127.0.0.1", port=given.port, shutdown_timeout=1.0, handler_cancellation=True)


if __name__ == "__main__":
    main()
