"""A job that runs as long as a test looks at it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job


@pytest.fixture
def label() -> str:
    """Of the job; a file of tests may have its own."""
    return "a <b>red</b> fox"


@pytest.fixture
async def job(label: str) -> AsyncIterator[Job[None]]:
    """Waits until it is cancelled."""
    running = Job(lambda _: asyncio.sleep(60), CallContext(30), label=label)
    yield running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
