"""The embedded engine as a client: same seed same picture, real stages, quick cancel."""

import asyncio
import sys
import threading
import traceback
from pathlib import Path

import pytest

from mediatoolkit.errors import ClosedError, DeadlineError, PromptError, UnknownModelError
from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.local import LocalImageClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing, Event, Partial

SMALL = ImagePrompt("a red fox under the stars", size="64x64", seed=7)


async def test_the_same_prompt_and_seed_give_the_same_bytes() -> None:
    async with LocalImageClient() as client:
        first, second = await client.generate(SMALL), await client.generate(SMALL)
    assert first.data == second.data
    assert (first.width, first.height, first.mime_type) == (64, 64, "image/png")


async def test_the_picture_says_who_drew_it_and_how() -> None:
    async with LocalImageClient() as client:
        image = await client.generate(ImagePrompt("a fox with a zzyzx", size=64))
    record = image.provenance
    assert record is not None
    assert (record.model, record.engine) == ("local/painter", "local")
    assert record.seed is not None, "a seed that was drawn by lot is kept, to get the picture again"
    assert "zzyzx" in record.notes["not_drawn"]
    assert record.options == {"size": "64x64"}


@pytest.mark.parametrize(
    ("size", "aspect", "pixels"),
    [
        ("512", None, (512, 512)),
        ("512", "16:9", (512, 288)),
        ("512", "9:16", (288, 512)),
        ("2K", "16:9", (2048, 1152)),
        ("2K", "4:5", (1640, 2048)),
        ("2K", "21:9", (2048, 880)),
        ((128, 64), None, (128, 64)),
        ("1920x1080", None, (1920, 1080)),
    ],
)
async def test_size_and_aspect_decide_the_pixels(
    size: str, aspect: str | None, pixels: tuple[int, int]
) -> None:
    async with LocalImageClient() as client:
        image = await client.generate(ImagePrompt("a hill", size=size, aspect=aspect))
    assert (image.width, image.height) == pixels


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aspect": "7:5"}, "16:9"),
        ({"size": "4K"}, '"512", "1K", "2K", or pixels up to 2048×2048'),
        ({"size": "32x32"}, "64×64"),
        ({"size": "2049x64"}, "64×64 to 2048×2048 pixels"),
        ({"size": "3000x2000"}, "not 3000×2000; give 2048×1365 for this shape."),
        (
            {"temprature": 1},
            "has no option temprature=; it takes aspect, cache, seed, size, take, timeout.",
        ),
        ({"sed": 1}, "has no option sed=; did you mean seed=?"),
    ],
)
async def test_what_the_painter_cannot_do_is_refused_with_what_it_can(
    options: dict[str, object], words: str
) -> None:
    async with LocalImageClient() as client:
        with pytest.raises(PromptError, match=words):
            await client.generate(ImagePrompt.of("fox", **options))


async def test_an_edit_is_refused_with_a_model_that_edits() -> None:
    async with LocalImageClient() as client:
        image = await client.generate(SMALL)
        with pytest.raises(PromptError, match="gemini/"):
            await client.generate(ImagePrompt.of("make it blue", references=[image]))


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UnknownModelError, match="painter"):
        LocalImageClient(model="dall-e")


async def test_progress_is_real_and_never_falls() -> None:
    heard: list[Event] = []
    async with LocalImageClient() as client, CallContext(60, listener=heard.append) as context:
        await client.make(ImagePrompt("a castle on a hill", size=256), context)
    drawn = [event.fraction for event in heard if isinstance(event, Drawing)]
    assert len(drawn) > 5
    assert drawn == sorted(drawn)


async def test_a_picture_is_seen_as_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatoolkit.synthesis.painting.previews.FIRST", 0.0)
    heard: list[Event] = []
    async with LocalImageClient() as client, CallContext(60, listener=heard.append) as context:
        await client.make(ImagePrompt("a castle in oil", size=256), context)
    parts = [event for event in heard if isinstance(event, Partial)]
    assert parts
    for part in parts:
        small = Image(part.data)
        assert max(small.width, small.height) <= 192
        assert (small.mime_type, str(part)) == (part.mime_type, "sketching")


async def test_cancel_stops_the_brush() -> None:
    """When the cancel has come through, no worker thread paints on."""
    async with LocalImageClient() as client:
        started = asyncio.Event()
        async with CallContext(60, listener=lambda _event: started.set()) as context:
            task = asyncio.create_task(client.make(ImagePrompt("a city", size=2048), context))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        painters = {
            thread.ident for thread in threading.enumerate() if thread.name.startswith("painter")
        }
        frames = sys._current_frames()  # without those of closed clients that are just ending
        stacks = [frames[ident] for ident in painters if ident in frames]
        files = {frame.filename for top in stacks for frame in traceback.extract_stack(top)}
        assert painters
        assert not any("synthesis" in file for file in files)


async def test_the_deadline_ends_a_painting() -> None:
    async with LocalImageClient() as client:
        with pytest.raises(DeadlineError, match=r"0\.05 s"):
            await client.generate(ImagePrompt("a city", size=2048), timeout=0.05)


async def test_a_closed_client_is_refused() -> None:
    client = LocalImageClient()
    await client.close()
    await client.close()
    with pytest.raises(ClosedError):
        await client.generate(SMALL)


async def test_several_pictures_take_seeds_in_a_row(tmp_path: Path) -> None:
    async with LocalImageClient() as client:
        images = await client.generate_several(SMALL, 3)
        again = await client.generate(ImagePrompt.of(SMALL, seed=9))
        with pytest.raises(PromptError, match="count"):
            await client.generate_several(SMALL, 0)
    assert [image.provenance.seed for image in images if image.provenance] == [7, 8, 9]
    assert images[2].data == again.data
    assert Image.open(images[0].save(tmp_path / "fox")).provenance == images[0].provenance
