"""What users' type checkers see; run by mypy, never executed."""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import mediatoolkit as mt


async def api() -> None:
    """Every public verb gives what its documentation says."""
    assert_type(mt.image("fox", size=512, references=["fox.png"]), mt.Job[mt.Image])
    assert_type(await mt.image("fox"), mt.Image)
    client = mt.GeminiImageClient(api_key="k", timeout=mt.Timeout(total=10))
    assert_type(await client.generate(mt.ImagePrompt("fox", size=(64, 64))), mt.Image)
    async with mt.ImageGenAgent([client, "local/painter"], store="out") as agent:
        image = await agent.generate("fox", temperature=0.5)
        assert_type(image, mt.Image)
        assert_type(await agent.generate_many(["fox", "owl"], concurrency=2), list[mt.Image])
        job = agent.start("fox")
        assert_type(job, mt.Job[mt.Image])
        assert_type(job.done(), bool)
    assert_type(image.width, int)
    assert_type(np.asarray(image), npt.NDArray[Any])
