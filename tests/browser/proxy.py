"""A reverse proxy like the one before a hub's servers: it hands on what is asked below one address, and nothing else."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread

MOST_BYTES = 1 << 16  # handed on at once
UNKNOWN = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def proxied(port: int, base_url: str) -> Iterator[int]:
    """The number of another port at which a server's pages and websockets below `base_url` are found.

    Args:
        port: the server's.
        base_url: begins and ends with a slash. Everything else is not found.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    serve = asyncio.start_server(partial(_hand_on, port, base_url.encode()), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(serve, loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _hand_on(port: int, base_url: bytes, browser: asyncio.StreamReader, to_browser: asyncio.StreamWriter) -> None:
    """Hand on one request and its answer, or a websocket's messages until one side ends it."""
    try:
        asked = await browser.readuntil(b"\r\n\r\n")
        if not asked.split(b" ", 2)[1].startswith(base_url):
            to_browser.write(UNKNOWN)
            await to_browser.drain()
            return
        server, to_server = await asyncio.open_connection("127.0.0.1", port)
        to_server.write(_with_headers(asked))
        both_ways = [asyncio.create_task(_copy(*each)) for each in ((browser, to_server), (server, to_browser))]
        try:
            await asyncio.wait(both_ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both_ways:
                each.cancel()
            await asyncio.gather(*both_ways, return_exceptions=True)
            to_server.close()
    except (asyncio.IncompleteReadError, OSError):
        pass  # one side is gone
    finally:
        to_browser.close()


def _with_headers(asked: bytes) -> bytes:
    """The head of a request as a proxy sends it: says for whom, and, since the next one may be another's, that it is all."""
    first, *headers = asked.removesuffix(b"\r\n\r\n").split(b"\r\n")
    if not any(header.lower().startswith(b"upgrade:") for header in headers):
        headers = [each for each in headers if not each.lower().startswith(b"connection:")]
        headers.append(b"Connection: close")
    return b"\r\n".join([first, *headers, b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Proto: http", b"", b""])


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while some := await source.read(MOST_BYTES):
        target.write(some)
        await target.drain()


async def _end(server: asyncio.Server) -> None:
    server.close()
    open_ones = asyncio.all_tasks() - {asyncio.current_task()}
    for each in open_ones:
        each.cancel()
    await asyncio.gather(*open_ones, return_exceptions=True)
