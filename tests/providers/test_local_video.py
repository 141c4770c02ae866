"""The embedded engine as a film client: scenes, pictures, voice, cancel."""

import asyncio
import gc
import io
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from mediatoolkit.errors import ClosedError, MediaError, PromptError, UnknownModelError
from mediatoolkit.media import Audio, Image, Provenance, Video
from mediatoolkit.prompts import VideoPrompt
from mediatoolkit.providers.local import LocalVideoClient
from mediatoolkit.providers.local.film import FilmPlan, make_film
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing, Event

RED, BLUE = (200, 40, 30), (30, 60, 200)
SMALL: dict[str, Any] = {"resolution": "360p", "aspect": "1:1", "seed": 7}


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (160, 90)) -> Image:
    return Image.of(Pillow.new("RGB", size, colour))


def tone(seconds: float) -> Audio:
    wave = 0.5 * np.sin(np.arange(round(seconds * 24_000)) * 2 * math.pi * 440 / 24_000)
    return Audio.from_samples(wave.astype(np.float32), 24_000)


def colours(video: Video) -> list[Any]:
    """The middle of the first and of the last picture."""
    pictures = list(video.frames())
    return [pictures[n][video.height // 2, video.width // 2].astype(int) for n in (0, -1)]


async def made(text: str = "a red fox", **options: Any) -> Video:
    async with LocalVideoClient() as client:
        return await client.generate(VideoPrompt.of(text, **options))


async def test_the_same_prompt_and_seed_give_the_same_bytes() -> None:
    first, second = [await made(seconds=0.5, **SMALL) for _ in range(2)]
    assert first.data == second.data
    assert (first.width, first.height) == (360, 360)
    assert first.seconds == pytest.approx(0.5, abs=0.05)


async def test_the_film_says_who_made_it_and_how(tmp_path: Path) -> None:
    video = await made("a zzyzx", seconds=0.3, **SMALL)
    record = video.provenance
    assert record is not None
    assert (record.model, record.engine, record.seed) == ("local/film", "local", 7)
    assert record.notes == {"not_drawn": ["zzyzx"]}
    assert record.options == {"seconds": 0.3, "aspect": "1:1", "resolution": "360p"}
    path = await video.asave(tmp_path / "film")
    assert (await asyncio.to_thread(Video.open, path)).provenance == record


async def test_a_seed_drawn_by_lot_is_kept() -> None:
    record = (await made(seconds=0.2, resolution="360p")).provenance
    assert record is not None
    assert record.seed is not None


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"resolution": "360p"}, (640, 360)),
        ({"resolution": "360p", "aspect": "9:16"}, (360, 640)),
        ({"resolution": "480p", "aspect": "4:3"}, (640, 480)),
        ({"resolution": "360p", "image": plain(RED, (200, 100))}, (720, 360)),
        ({"resolution": "360p", "image": plain(RED, (1000, 50))}, (840, 360)),
        ({"resolution": "1080p", "aspect": "21:9"}, (1920, 822)),
    ],
)
async def test_aspect_and_resolution_decide_the_size(
    options: dict[str, Any], size: tuple[int, int]
) -> None:
    video = await made(seconds=0.1, **options)
    assert (video.width, video.height) == size


async def test_three_sentences_are_three_scenes() -> None:
    events: list[Event] = []
    prompt = VideoPrompt("A fox. A lake. A hill.", seconds=4.5, **SMALL)
    async with LocalVideoClient() as client, CallContext(60, listener=events.append) as context:
        await client.make(prompt, context)
    steps = [event for event in events if isinstance(event, Drawing)]
    shown = {"filming picture 1", "filming picture 2", "filming picture 3", "filming"}
    assert shown <= {step.what for step in steps}
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


async def test_given_pictures_are_shown_first_to_last() -> None:
    video = await made(image=plain(RED), last=plain(BLUE), seconds=1, resolution="360p")
    first, last = colours(video)
    assert first == pytest.approx(RED, abs=8)
    assert last == pytest.approx(BLUE, abs=8)


async def test_a_film_goes_on_from_the_last_picture_of_another() -> None:
    before = await made(image=plain(RED), last=plain(BLUE), seconds=1, resolution="360p")
    after = await made("a hill", previous=before, seconds=2, resolution="360p", seed=1)
    first, last = colours(after)
    assert first == pytest.approx(BLUE, abs=10)
    assert last != pytest.approx(BLUE, abs=10)
    assert (after.width, after.height) == (before.width, before.height)


async def test_a_voice_decides_the_length_unless_it_is_given() -> None:
    picture = plain(RED)
    longer = await made(image=picture, narration=tone(7), resolution="360p")
    assert longer.seconds == pytest.approx(8.2, abs=0.05)
    short = await made(image=picture, narration=tone(1), resolution="360p")
    assert short.seconds == pytest.approx(6, abs=0.05)
    with pytest.raises(PromptError, match="narration takes"):
        await made(image=picture, narration=tone(2), seconds=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resolution": "4k"}, "360p, 480p, 720p, 1080p"),
        ({"captions": "yes"}, "True or False"),
        ({"narration": " "}, "narration is empty"),
        ({"naration": "hello"}, "did you mean narration"),
        ({"music": True}, "captions, image, last, narration"),
    ],
)
async def test_what_the_engine_cannot_do_is_refused_before_it_starts(
    options: dict[str, Any], words: str
) -> None:
    async with LocalVideoClient() as client:
        with pytest.raises(PromptError, match=words):
            client.check(VideoPrompt.of("a fox", **options))


async def test_a_film_says_what_its_narration_leaves_out() -> None:
    film = await made("a fox", seconds=4, narration="A fox. 世界", **SMALL)

    assert film.omissions == "not spoken: 世界"


async def test_a_narration_that_is_no_sound_is_refused() -> None:
    with pytest.raises(MediaError, match="narration cannot be used"):
        await made(narration=b"no sound", seconds=1)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UnknownModelError, match="local/film"):
        LocalVideoClient(model="veo")


async def test_a_closed_client_refuses() -> None:
    client = LocalVideoClient()
    await client.close()
    await client.close()
    with pytest.raises(ClosedError):
        await client.generate("a fox")


@pytest.mark.parametrize("stage", ["scene 1", "filming picture", "filming"])
async def test_cancelling_ends_the_work_and_leaves_nothing(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it does at that moment; an error nobody heard would reach the loop's handler."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    loop, unheard = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _loop, context: unheard.append(context))
    threads = set(threading.enumerate())
    begun = asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, Drawing) and event.what.startswith(stage):
            begun.set()

    async def work() -> None:
        async with LocalVideoClient() as client, CallContext(60, listener=listen) as context:
            await client.make(VideoPrompt("a fox", seconds=60, resolution="720p"), context)

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    working = [
        thread for thread in set(threading.enumerate()) - threads if thread.name.startswith("film")
    ]
    for thread in working:
        await asyncio.to_thread(thread.join, 60)
        assert not thread.is_alive()
    gc.collect()
    await asyncio.sleep(0)
    assert not unheard
    assert not list(tmp_path.iterdir())


async def test_the_loop_stays_free() -> None:
    beats = 0
    task = asyncio.create_task(made(seconds=1, **SMALL))
    while not task.done():
        await asyncio.sleep(0.005)
        beats += 1
    assert beats > 10


async def film(pictures: object, **options: Any) -> Video:
    plan = FilmPlan.of(pictures, **options)
    async with CallContext(60) as context:
        return await make_film(plan, context)


async def test_pictures_of_any_kind_become_a_film(tmp_path: Path) -> None:
    path = plain(RED).save(tmp_path / "red.png")
    things = [plain(RED), path, Pillow.new("L", (30, 40)), np.zeros((20, 30, 3), np.uint8)]
    video = await film(things, seconds=1, size=(160, 90))
    assert (video.width, video.height) == (160, 90)
    record = video.provenance
    assert record is not None
    assert (record.model, record.prompt) == ("local/film", "film of 4 pictures")
    assert len(record.options["pictures"]) == 4


async def test_the_usual_size_follows_the_pictures() -> None:
    assert FilmPlan.of([plain(RED, (300, 300)), plain(BLUE, (50, 50))]).size == (720, 720)
    assert FilmPlan.of([plain(RED, (300, 300)), plain(BLUE, (50, 80))]).size == (1280, 720)
    assert FilmPlan.of(plain(RED, (90, 160))).size == (720, 1280)


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        ("1080p", (1920, 1080)),
        ("640x360", (640, 360)),
        ("640×360", (640, 360)),
        ((641, 359), (640, 360)),
    ],
)
def test_sizes_are_written_in_several_ways(size: object, pixels: tuple[int, int]) -> None:
    assert FilmPlan.of(plain(RED), size=size).size == pixels


async def test_a_film_is_told_by_a_voice_and_its_pictures() -> None:
    video = await film([plain(RED), plain(BLUE)], narration=tone(1), size=(160, 90), seconds=[1, 2])
    assert video.seconds == pytest.approx(3, abs=0.05)
    first, last = colours(video)
    assert first == pytest.approx(RED, abs=8)
    assert last == pytest.approx(BLUE, abs=8)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pictures": []}, "at least one picture"),
        ({"seconds": 0}, "above 0"),
        ({"seconds": -1}, "above 0"),
        ({"seconds": "six"}, "above 0"),
        ({"seconds": [1, 2]}, "2 lengths for 1 pictures"),
        ({"seconds": 601}, "up to 600"),
        ({"size": "banana"}, "720p"),
        ({"size": (10, 10)}, "64 to 1920"),
        ({"size": "4k"}, "720p"),
        ({"size": 3}, "720p"),
        ({"size": (float("inf"), 90)}, "720p"),
        ({"narration": ""}, "narration is empty"),
        ({"captions": 1}, "True or False"),
    ],
)
def test_what_gives_no_film_is_refused_before_it_starts(given: dict[str, Any], words: str) -> None:
    arguments = {"pictures": [plain(RED)], **given}
    with pytest.raises(PromptError, match=words):
        FilmPlan.of(arguments.pop("pictures"), **arguments)


@pytest.mark.parametrize(
    ("pictures", "words"),
    [
        ([plain(RED), b"<svg/>"], "Picture 2"),
        ([plain(RED), plain(BLUE).data[:-9]], "Picture 2"),
        (3, "Picture 1"),
        (None, "Picture 1"),
    ],
)
def test_what_is_no_picture_is_named(pictures: object, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        FilmPlan.of(pictures)


async def test_a_told_text_is_spoken_and_drawn() -> None:
    """The local voice speaks it, and each picture has its sentence."""
    text = "A red fox sits under the stars. Far away a small boat comes home."
    video = await film([plain(RED), plain(BLUE)], narration=text, size=(320, 180))
    assert video.provenance is not None
    assert video.provenance.prompt == text
    with av.open(io.BytesIO(video.data)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
    drawn = [float(picture[120:].max()) for picture in video.frames()]
    assert max(drawn[24:48]) > 220, "words are read over the first picture"
    unseen = await film([plain(RED)], narration=text, captions=False, size=(320, 180))
    assert max(float(picture[120:].max()) for picture in unseen.frames()) < 220


async def test_a_film_knows_what_is_spoken_when(tmp_path: Path) -> None:
    """In its own time, in which the voice begins a little later; and so does its file."""
    spoken = [[0.1, 0.9, "A <fox>."], [1.0, 1.9, "An owl."]]
    record = Provenance(model="a/b", prompt="x", engine="a", notes={"captions": spoken})

    video = await film([plain(RED)], narration=replace(tone(2), provenance=record), size=(64, 64))
    silent = await film([plain(RED)], narration=tone(2), size=(64, 64))

    assert [caption.text for caption in video.captions] == ["A <fox>.", "An owl."]
    assert [caption.start for caption in video.captions] == pytest.approx([0.5, 1.4], abs=0.01)
    assert Video.open(video.save(tmp_path / "film")).captions == video.captions
    assert not silent.captions
    assert not Video(video.data, replace(record, notes={"captions": 7})).captions
