"""What the tests of queues have in common: quick polls, events that were told, a stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mediatoolkit as mt
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Withdrawn, Working
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.store import Store
from tests.transport.server import Server

KEY = "key-of-the-queues"
QUICK = Polling(first=0.001, cap=0.001)


@asynccontextmanager
async def client_of(kind: Callable[..., Any], server: Server, **options: Any) -> AsyncIterator[Any]:
    """A client of *server* that polls quickly."""
    async with kind(KEY, base_url=server.url, **options) as client:
        if isinstance(client, QueuedClient):
            client.polling = QUICK
        yield client


async def events_of(client: Any, prompt: Any) -> tuple[Any, list[Event]]:
    """What is made, and what was told meanwhile."""
    events: list[Event] = []
    async with CallContext(60, listener=events.append) as context:
        media = await client.make(prompt, context)
    return media, events


def works(events: list[Event]) -> list[tuple[str, float | None]]:
    """What the vendor told of its work: the line, and the share that is done."""
    told = [(str(event), event.share) for event in events if isinstance(event, Working)]
    return list(dict.fromkeys(told))


async def stopped(client: Any, prompt: Any) -> Withdrawn:
    """Stop a call as soon as its job runs, and return what the vendor said."""
    running = asyncio.Event()
    events: list[Event] = []

    def hear(event: Event) -> None:
        events.append(event)
        if isinstance(event, Working):
            running.set()

    async def make() -> None:
        async with CallContext(60, listener=hear) as context:
            await client.make(prompt, context)

    task = asyncio.create_task(make())
    await running.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    (withdrawn,) = (event for event in events if isinstance(event, Withdrawn))
    return withdrawn


def kept(folder: Path) -> list[str]:
    """Names of the jobs that are pending in a folder."""
    return [job.id for job in Store(folder).pending()]


def paid(server: Server) -> int:
    """How many generations were begun."""
    files = ("/cancel", "/files")
    return sum(
        request.method == "POST" and not request.path.endswith(files) for request in server.requests
    )


FOX = mt.ImagePrompt("a red fox")
