"""A run in a process of its own, which a test kills: `python -m tests.runs.killed_run …`."""

import asyncio
import sys

import mediatoolkit as mt
from mediatoolkit.store import Store


def rows(count: int) -> list[dict[str, object]]:
    return [{"prompt": f"fox number {number}", "place": number} for number in range(count)]


async def main(url: str, folder: str, count: int, concurrency: int) -> None:
    client = mt.GeminiImageClient("test-key", base_url=url, model="gemini-3.1-flash-image")
    async with mt.ImageGenAgent(client, store=Store(folder, create=True)) as agent:
        run = agent.start_many(rows(count), run="foxes", concurrency=concurrency)
        await run
        print(run.counts, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
