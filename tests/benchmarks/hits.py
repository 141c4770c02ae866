"""What the cache takes over reading the file that it hands out."""

import asyncio
import io
import os
import tempfile
import time
from statistics import median
from typing import Final

HITS: Final = {"small": "a picture of 64 kB", "large": "a picture of 4 MB"}
_SIDES = {"small": (160, 133), "large": (1408, 938)}
_TIMES = 60


def hits(way: str) -> dict[str, float | str]:
    """Ask again and again for one picture that is kept."""
    return asyncio.run(_hits(_picture(*_SIDES[way])))


async def _hits(picture: bytes) -> dict[str, float | str]:
    import mediatoolkit as mt

    reads: list[float] = []
    found: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with mt.Simulator(picture=picture, key="benchmark") as sim:
            client = mt.GeminiImageClient("benchmark", base_url=sim.url)
            async with mt.ImageGenAgent(client, store=folder) as agent:
                first = await agent.generate("a fox", cache=True, take=1)
                assert first.path is not None
                # A file that was just written may change unseen; it is checked whole each time.
                old = time.time() - 60
                os.utime(first.path, (old, old))
                for _ in range(_TIMES):
                    start = time.perf_counter()
                    await asyncio.to_thread(mt.Image.open, first.path)
                    reads.append(time.perf_counter() - start)
                    start = time.perf_counter()
                    await agent.generate("a fox", cache="only", take=1)
                    found.append(time.perf_counter() - start)
                requests = len(sim.requests) - 1
        await mt.close()
    over = median(hit - read for hit, read in zip(found, reads, strict=True))
    return {
        "read": median(reads) * 1000,
        "hit": median(found) * 1000,
        "over": over * 1000,
        "requests": requests,
    }


def _picture(width: int, height: int) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    noise = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    noise.save(file, "PNG", compress_level=0)
    return file.getvalue()
