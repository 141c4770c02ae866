"""What users' type checkers see; run by mypy, never executed."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import mediatoolkit as mt
from mediatoolkit.media import Media
from mediatoolkit.pricing.quotes import Price


async def api() -> None:
    """Every public verb gives what its documentation says."""
    assert_type(mt.image("fox", size=512, references=["fox.png"]), mt.Job[mt.Image])
    assert_type(await mt.image("fox"), mt.Image)
    assert_type(mt.image("fox", quality="high", background="transparent"), mt.Job[mt.Image])
    assert_type(mt.image("fox", an_option_of_one_vendor=3), mt.Job[mt.Image])
    assert_type(mt.speech("Hello.", language="en-US", stability=0.5), mt.Job[mt.Audio])
    assert_type(mt.video("fox", image="fox.png", aspect="16:9", loop=True), mt.Job[mt.Video])
    mt.image("fox", seed="7")  # type: ignore[call-overload]
    mt.image("fox", mask=7)  # type: ignore[call-overload]
    prompt = mt.ImagePrompt("fox", references=["fox.png"], mask=np.zeros((8, 8)))
    assert_type(prompt.references, tuple[mt.Image, ...])
    client = mt.GeminiImageClient(api_key="k", timeout=mt.Timeout(total=10))
    assert_type(await client.generate(mt.ImagePrompt("fox", size=(64, 64))), mt.Image)
    async with mt.ImageGenAgent([client, "local/painter"], store="out") as agent:
        image = await agent.generate("fox", temperature=0.5)
        assert_type(image, mt.Image)
        images = await agent.generate_many(["fox", "owl"], concurrency=2)
        assert_type(images, mt.MediaList[mt.Image])
        assert_type(images[:1] + images, mt.MediaList[mt.Image])
        job = agent.start("fox")
        assert_type(job, mt.Job[mt.Image])
        assert_type(job.done(), bool)
    assert_type(image.width, int)
    assert_type(np.asarray(image), npt.NDArray[Any])
    assert_type(await job.retry(), mt.Image)


def without_await(agent: mt.VoiceAgent) -> None:
    """A script, or a cell that blocks."""
    assert_type(mt.image("fox").result(), mt.Image)
    assert_type(mt.speech("Hello.").result(timeout=9), mt.Audio)
    assert_type(mt.run(agent.generate("Hello.")), mt.Audio)
    assert_type(mt.run(mt.film(["fox.png"], "Hello.")), mt.Video)
    assert_type(mt.allow_nested(), None)


async def money(agent: mt.ImageGenAgent) -> None:
    """What it costs, before and after, and for nothing."""
    assert_type(mt.image("fox", cache=True, take=2), mt.Job[mt.Image])
    assert_type(mt.speech("Hello.", cache="only"), mt.Job[mt.Audio])
    assert_type(mt.video("fox", cache="refresh", take=None), mt.Job[mt.Video])
    assert_type(await agent.generate("fox", cache=False, take=1), mt.Image)
    assert_type(await agent.generate_many(["fox"], cache=True), mt.MediaList[mt.Image])
    mt.image("fox", cache="fresh")  # type: ignore[call-overload]
    mt.speech("Hello.", take="2")  # type: ignore[call-overload]
    price = mt.quote("fox", kind="image", size="1K", quality="low", cache="only", take=3)
    assert_type(price, Price)
    assert_type(price.high, Decimal | None)
    assert_type(mt.quote(mt.VideoPrompt("fox"), model="gemini", timeout=mt.Timeout(9)), Price)
    assert_type(agent.quote("fox", size="1K"), Price)
    mt.quote("fox", kind="picture")  # type: ignore[arg-type]
    mt.budget.limit = 5.00
    mt.budget.limit = "0.50"
    assert_type(mt.budget.limit, Decimal | None)
    with mt.budget.cap(2) as cap:
        assert_type(cap.spent, Decimal)
    mt.prices.update("prices.json")
    assert_type(await mt.cache.clear(older_than=3600, model="gemini"), int)
    assert_type(mt.cache.size().result().entries, int)
    mt.cache.default = True
    mt.configure(cache="only")
    mt.configure(cache="fresh")  # type: ignore[arg-type]
    mt.models("video")
    mt.models("films")  # type: ignore[arg-type]
    assert_type(mt.BudgetError("no").upper, Decimal | None)


async def page(fox: mt.Image) -> None:
    """What shows itself."""
    studio = mt.Studio()
    assert_type(studio.history, list[Media])
    gallery = mt.Gallery("out", word="fox", kind="image", sort="newest")
    assert_type(gallery.selected, Sequence[Media])
    mt.compare(fox, "owl.png").close()
    assert_type(mt.jobs.running(), list[mt.Job[Any]])
    assert_type(mt.jobs.cancel_all(), int)
    assert_type(mt.jobs.resume("id"), mt.Job[Any])
    assert_type(mt.sessions, mt.SessionRegistry)
    assert_type(mt.configure(proxy=None), None)
    assert_type(await mt.close(), None)
    assert_type(await mt.download("https://example.org/fox.png", "fox.png"), Path)
