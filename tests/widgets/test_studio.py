"""The kernel's side of the studio: what the page asks for, and what it is told."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import traitlets

import mediatoolkit as mt
from mediatoolkit.caching import CacheMode, settings
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Audio, Image, Provenance
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.runtime import takes
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Partial
from mediatoolkit.runtime.job import Job
from mediatoolkit.verbs import start_hidden
from mediatoolkit.widgets import studio as studio_module
from mediatoolkit.widgets.studio import StudioForm, keywords, offered, result_entry

FOX: dict[str, Any] = {
    "do": "generate",
    "kind": "image",
    "prompt": "a <b>fox</b> under the stars",
    "settings": {"model": "local/painter", "size": "512", "seed": "7"},
}
SILENT = "secret-key"


class Heard(StudioForm):
    """Keeps what it sends to the page."""

    def __init__(self, start: Any, quote: Any = None) -> None:  # noqa: D107 - as the studio
        super().__init__(start, asyncio.get_running_loop(), quote)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.__dict__.setdefault("sent", []).append((content, list(buffers or ())))


@pytest.fixture(autouse=True)
async def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[None]:
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "store"))
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    yield
    await mt.close()


@pytest.fixture
async def studio() -> AsyncIterator[Heard]:
    opened = Heard(start_hidden)
    yield opened
    opened.close()


def picture(side: int = 8) -> Image:
    return Image.of(np.zeros((side, side, 3), np.uint8))


async def until(studio: StudioForm, holds: Callable[[], Any]) -> None:
    """Wait for the page to be told something that makes *holds* true."""
    while not holds():
        changed = asyncio.Event()
        studio.observe(lambda _change, changed=changed: changed.set())
        with contextlib.suppress(TimeoutError):  # a message alone changes nothing
            async with asyncio.timeout(0.05):
                await changed.wait()


def sent(studio: Heard, word: str) -> list[tuple[Any, list[Any]]]:
    return [message for message in studio.__dict__.get("sent", ()) if word in message[0]]


def say(studio: StudioForm, buffers: list[bytes] | None = None, **message: Any) -> None:
    studio._hear(studio, message, buffers or [])


async def test_what_is_asked_for_is_made_kept_and_told(studio: Heard) -> None:
    say(studio, **FOX)
    await until(studio, lambda: studio.running.get("state") == "done")

    assert isinstance(studio.result, Image)
    assert studio.history == [studio.result]
    assert studio.result.path is not None, "kept in the store, as with the verb"
    (entry,) = studio.entries
    assert entry["facts"] == ["local/painter", "512×512", "seed 7"]
    assert (entry["seed"], entry["type"]) == (7, "image/png")
    assert entry["file"] == "a-b-fox-b-under-the-stars.png"
    assert "a <b>fox</b> under the stars" in entry["code"]
    assert entry["settings"] == FOX["settings"], "what the form is filled with again"
    json.dumps(studio.get_state(), default=str)


async def test_the_result_is_a_trait(studio: Heard) -> None:
    class Target(traitlets.HasTraits):
        value = traitlets.Any()

    target = Target()
    traitlets.link((studio, "result"), (target, "value"))
    for _ in range(2):
        say(studio, **{**FOX, "settings": {**FOX["settings"], "size": "64x64"}})
        await until(studio, lambda: studio.running.get("state") == "done")
        studio.running = {}
    first, second = studio.history
    assert studio.result is target.value is second

    studio.set_state({"seen": 0})
    await until(studio, lambda: studio.result is first)
    assert target.value is first

    target.value = second
    assert studio.seen == 1
    with pytest.raises(PromptError, match="piece of studio"):
        studio.result = picture()


async def test_a_click_in_another_thread_starts_the_job_on_the_studios_loop(studio: Heard) -> None:
    """It may come from a thread with a loop of its own, where nothing may be started."""

    async def click() -> None:
        say(studio, **FOX)

    thread = threading.Thread(target=asyncio.run, args=[click()])
    thread.start()
    thread.join()
    await until(studio, lambda: studio.job)

    assert studio.job is not None
    assert studio.job.loop is asyncio.get_running_loop()
    await studio.job


async def test_the_whole_file_goes_to_the_page_with_its_origin_when_it_is_asked_for(
    studio: Heard,
) -> None:
    say(studio, **FOX)
    await until(studio, lambda: studio.entries)
    assert not sent(studio, "gave"), "nothing is sent unasked"

    say(studio, do="fetch", number=0, whole=True)
    say(studio, do="fetch", number=0, whole=False)
    say(studio, do="fetch", number=1, whole=True)
    await until(studio, lambda: len(sent(studio, "gave")) == 2)

    by_size = {message["whole"]: b"".join(pieces) for message, pieces in sent(studio, "gave")}
    whole = Image(by_size[True])
    assert whole.provenance is not None
    assert whole.provenance.prompt == FOX["prompt"]
    assert (whole.width, Image(by_size[False]).width) == (512, 192)


async def test_cancel_ends_the_job_and_leaves_nothing() -> None:
    studio = Heard(lambda _kind, prompt: Job(_forever, CallContext(60), label=prompt))
    say(studio, do="generate", kind="image", prompt="a fox", settings={})
    await until(studio, lambda: studio.running.get("state") == "running")
    say(studio, do="cancel")
    await until(studio, lambda: studio.running["state"] == "cancelled")

    assert (studio.history, studio.entries, studio.result) == ([], [], None)


async def test_one_thing_at_a_time() -> None:
    started = []

    def start(_kind: str, prompt: str) -> Job[Any]:
        started.append(prompt)
        return Job(_forever, CallContext(60), label=prompt)

    studio = Heard(start)
    for prompt in ("one", "two"):
        say(studio, do="generate", kind="image", prompt=prompt, settings={})
    await until(studio, lambda: studio.running)
    studio.close()
    assert studio.job is not None
    await asyncio.gather(studio.job, return_exceptions=True)

    assert started == ["one"]
    assert studio.job.progress.state.value == "cancelled", "closing ends what runs"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": " "}, "empty"),
        ({"settings": {"seed": "seven"}}, "seed='seven' is not a whole number"),
        ({"settings": {"timeout": "-1"}}, "timeout"),
        ({"settings": {"model": "gemini/gemini-3.1-flash-image"}}, "no key"),
    ],
)
async def test_what_cannot_be_asked_is_told_in_place(
    studio: Heard, change: dict[str, Any], words: str
) -> None:
    say(studio, **{**FOX, **change})
    await until(studio, lambda: studio.running)

    assert studio.running["state"] == "failed"
    assert words in studio.running["failure"]["message"]
    assert studio.job is None


async def test_the_message_of_a_stranger_is_not_told() -> None:
    """It may hold anything; the job has it for who asks."""

    async def fail(_call: CallContext) -> None:
        raise ValueError(SILENT)

    studio = Heard(lambda _kind, prompt: Job(fail, CallContext(60), label=prompt))
    say(studio, do="generate", kind="image", prompt="a fox", settings={})
    await until(studio, lambda: studio.running.get("state") == "failed")

    assert studio.running["failure"]["kind"] == "ValueError"
    assert SILENT not in json.dumps(studio.running)
    assert studio.job is not None
    with pytest.raises(ValueError, match=SILENT):
        await studio.job


async def test_a_picture_is_checked_before_it_is_used() -> None:
    arguments: dict[str, Any] = {}

    def start(_kind: str, prompt: str, **options: Any) -> Job[Any]:
        arguments.update(options)
        return Job(_forever, CallContext(60), label=prompt)

    studio = Heard(start)
    say(studio, [picture().data], do="take", ticket="good")
    say(studio, [b"no picture"], do="take", ticket="bad")
    await until(studio, lambda: sent(studio, "took") and sent(studio, "refused"))
    ((refusal, _),) = sent(studio, "refused")
    ((taken, (seen,)),) = sent(studio, "took")
    assert (refusal["refused"], taken["took"]) == ("bad", "good")
    assert refusal["why"]
    assert Image(seen).width == 8

    pictures = {"pictures": [taken["id"], "unknown"]}
    say(studio, do="generate", kind="image", prompt="a fox", settings=pictures)
    await until(studio, lambda: arguments)
    assert [image.data for image in arguments["references"]] == [picture().data]
    say(studio, do="picture", id=taken["id"])
    await until(studio, lambda: sent(studio, "picture"))
    studio.close()


async def test_a_picture_is_seen_while_it_is_made() -> None:
    seen = asyncio.Event()

    async def paint(context: CallContext) -> Image:
        context.report(Partial(b"half", "image/jpeg", 0.5))
        await seen.wait()
        return picture()

    page = Heard(lambda _kind, prompt: Job(paint, CallContext(60), label=prompt))
    say(page, do="generate", kind="image", prompt="a fox", settings={})
    await until(page, lambda: sent(page, "partial"))
    seen.set()
    await until(page, lambda: page.entries)

    assert sent(page, "partial") == [({"partial": "image/jpeg"}, [b"half"])]


async def test_what_is_no_message_of_ours_is_left_alone(studio: Heard) -> None:
    for message in (None, "cancel", {"do": "generate"}, {**FOX, "kind": "text"}, {"do": "take"}):
        studio._hear(studio, message, [])
    say(studio, do="fetch", number=-1, whole=True)
    say(studio, do="cancel")
    await asyncio.sleep(0)

    assert studio.job is None
    assert studio.running == {}
    assert not studio._tasks


async def test_a_key_that_is_set_later_is_noticed(
    studio: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert studio.offers["image"][0]["model"] == "local/painter"
    monkeypatch.setenv("GEMINI_API_KEY", "test-key")
    say(studio, do="offers")
    await until(studio, lambda: studio.offers["image"][0]["model"] != "local/painter")

    assert studio.offers == offered()
    assert studio.offers["image"][0]["reason"] == ""


def test_a_voice_has_no_seed_to_speak_of() -> None:
    provenance = Provenance(model="local/hibari", prompt="a fox", engine="local", seed=0)
    speech = Audio.from_pcm(bytes(4800), sample_rate=24_000, provenance=provenance)

    entry = result_entry(speech, {"kind": "speech", "prompt": "a fox", "settings": {}})

    assert entry["facts"] == ["local/hibari", "0.1 s"]
    assert "seed" not in entry["code"]


def test_what_is_empty_is_left_out_and_numbers_are_numbers() -> None:
    settings = {
        "model": "local/film",
        "seconds": "2.5",
        "seed": " 7 ",
        "timeout": "30",
        "aspect": "",
        "speed": " ",
        "style": None,
        "pictures": ["a"],
        "of_another_kind": "x",
    }
    assert keywords("video", settings, []) == {
        "model": "local/film",
        "seconds": 2.5,
        "seed": 7,
        "timeout": 30.0,
    }


def test_a_film_begins_with_its_first_picture() -> None:
    first, second = picture(8), picture(9)

    assert keywords("video", {}, [first, second]) == {"image": first, "references": [second]}
    assert keywords("image", {}, [first, second]) == {"references": [first, second]}
    with pytest.raises(PromptError, match="seconds='long' is not a number"):
        keywords("video", {"seconds": "long"}, [])


async def test_the_price_of_the_form_is_told_once_nobody_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(studio_module, "_TYPING", 0.05)
    asked = []

    def quote(prompt: str, **words: Any) -> Price:
        asked.append((prompt, words))
        return Price(Decimal("0.067"), Decimal("0.067"), "by the table", date(2026, 11, 28))

    page = Heard(start_hidden, quote)
    for prompt in ("a", "a f", "a fox"):
        settings = {"model": "local/painter", "size": "512", "timeout": "9"}
        form = {"kind": "image", "prompt": prompt, "settings": settings}
        page.set_state({"draft": {"open": "image", "image": form}})
    await until(page, lambda: page.price)

    assert asked == [("a fox", {"kind": "image", "model": "local/painter", "size": "512"})]
    assert page.price == {"words": "$0.067", "basis": "by the table, checked 2026-11-28"}
    page.close()


@pytest.mark.parametrize(
    "draft",
    [
        {},
        {"open": ["image"]},
        {"open": "image", "image": {"kind": "text", "prompt": "a", "settings": {}}},
        {"open": "image", "image": {"kind": "image", "prompt": "a", "settings": {"seed": "x"}}},
    ],
)
async def test_what_cannot_be_asked_has_no_price(draft: dict[str, Any]) -> None:
    page = Heard(start_hidden, lambda *_, **__: Price(Decimal(1), Decimal(1)))
    page.price = {"words": "$0.067"}
    page.draft = draft

    page._tell_price()

    assert page.price == {}
    page.close()


async def test_the_cache_is_used_as_the_form_says(monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[object] = []

    def start(_kind: str, prompt: str, **options: Any) -> Job[Any]:
        words.append(options.get("cache", "as it is"))
        return Job(_forever, CallContext(60), label=prompt)

    monkeypatch.setattr(settings, "_default", CacheMode.ONLY)
    studio = Heard(start)
    assert studio.is_cached
    for cache in (True, False, "only", None):
        studio._job = None
        say(studio, do="generate", kind="image", prompt="a fox", settings={}, cache=cache)
        await until(studio, lambda: studio.job)
        studio.job.cancel()  # type: ignore[union-attr]  # waited for
    studio.close()

    assert words == ["as it is", False, "as it is", "as it is"]


async def test_the_same_words_twice_are_two_takes_until_it_is_closed() -> None:
    """Also after many cells; a studio that is opened anew begins with what is kept."""
    counts: list[int] = []

    def start(_kind: str, prompt: str) -> Job[Any]:
        counts.append(takes.take_of(prompt))
        return Job(_forever, CallContext(60), label=prompt)

    for studio in (Heard(start), Heard(start)):
        for _ in range(2):
            studio._generate({"kind": "image", "prompt": "a fox", "settings": {}}, None)
            assert studio._job is not None
            studio._job.cancel()
            await asyncio.gather(studio._job, return_exceptions=True)
            for number in range(200):
                takes.take_of("a fox", run=number)
        studio.close()

    assert counts == [1, 2, 1, 2]


async def test_the_public_name_opens_one_and_its_text_is_one_calm_line() -> None:
    studio = mt.Studio()
    assert isinstance(studio, mt.Studio)

    assert (studio.result, studio.history, studio.job) == (None, [], None)
    assert repr(studio) == "Studio: run this cell to open it"
    studio.close()


async def _forever(_call: CallContext) -> None:
    await asyncio.Event().wait()
