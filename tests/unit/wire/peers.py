"""Real peers for the tests of both hops: an event loop with a time limit, scripted servers on loopback, and certificates.

Everything runs on uvloop, the loop of the product. What a callback raises into the loop fails the test.
"""

import asyncio
import contextlib
import functools
import ssl

import trustme
import uvloop


def run(main, seconds=20.0):
    """Run `main()` to its end on a new loop; a test that hangs fails after `seconds`."""
    problems = []

    async def bounded():
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        async with asyncio.timeout(seconds):
            return await main()

    result = uvloop.run(bounded())
    assert problems == []
    return result


def on_loop(test):
    """Make a test of a coroutine function."""

    @functools.wraps(test)
    def wrapped(*args, **fields):
        return run(lambda: test(*args, **fields))

    return wrapped


@contextlib.asynccontextmanager
async def listening(script, *, host="127.0.0.1", sock=None, tls=None):
    """A server that plays `script(reader, writer)` for every connection; gives its port. What a script raises is raised at the end."""
    failures, tasks, writers = [], set(), set()

    async def play(reader, writer):
        tasks.add(asyncio.current_task())
        writers.add(writer)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever was tested left
        except Exception as error:
            failures.append(error)
        finally:
            writer.close()

    where = {"sock": sock} if sock is not None else {"host": host, "port": 0}
    server = await asyncio.start_server(play, **where, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failures:
        raise failures[0]


@contextlib.asynccontextmanager
async def dialled(port, **fields):
    """A raw client connection: reader and writer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **fields)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def until(condition):
    """Let the loop turn until the condition holds; `run` limits how long."""
    while not condition():
        await asyncio.sleep(0.001)


@functools.cache
def authority():
    """A certificate authority that nothing but these tests trusts."""
    return trustme.CA()


@functools.cache
def server_context(name="localhost"):
    """The TLS side of a server of this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(name).configure_cert(context)
    return context


def client_context(*, trusting=True):
    """The TLS side of a client, which trusts the authority or only the system's."""
    context = ssl.create_default_context()
    if trusting:
        authority().configure_trust(context)
    return context
