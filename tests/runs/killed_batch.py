"""A run as a vendor's batch, in a process that a test kills."""

import asyncio
import sys
from pathlib import Path

from tests.runs.test_batch import ROWS, agent_at, batch


async def main(vendor: str, url: str, folder: str) -> None:
    async with agent_at(vendor, url, Path(folder)) as agent:
        await agent.start_many(ROWS, run="foxes", on=batch())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
