"""The cache: the same request gives the same media, and nothing else ever does."""

import asyncio
import base64
import dataclasses
import json
import logging
import os
import shutil
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit import caching
from mediatoolkit.caching import (
    Cache,
    CacheMode,
    CacheSettings,
    RequestKey,
    checked_take,
    kept,
)
from mediatoolkit.errors import NotCachedError, PromptError, ProviderError
from mediatoolkit.media import Audio, Image, Media, Provenance, Video
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.store import Store
from tests.media import drawn
from tests.test_prompts import picture

FOX = Provenance(model="vendor/model", prompt="a red fox", engine="vendor", seed=7)
OWL = Provenance(model="vendor/model", prompt="an owl", engine="vendor")


def key(text: str = "a red fox", **facts: Any) -> RequestKey:
    usual: dict[str, Any] = {"kind": "image", "model": "vendor/model", "options": {}}
    return RequestKey.of(text=text, **{**usual, **facts})


def image(side: int = 8, provenance: Provenance | None = FOX) -> Image:
    return Image(picture((side, side)), provenance=provenance)


# Keys

PIXELS = [  # as they are, since another zlib would write them in another way
    Image(base64.b64decode(f"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1Pe{rest}ElFTkSuQmCC"))
    for rest in (
        "AAAADElEQVR4nGNgZGIGAAAOAAfXb+R4AAAAA",
        "AAAADElEQVR4nGNgYWUDAAAgABC75asMAAAAA",
        "AAAADElEQVR4nGNg5+AEAAAyABmP5B0GAAAAA",
    )
]


def test_a_key_stays_the_same_for_ever() -> None:
    """A change of these digests makes everybody pay anew: raise SCHEMA on purpose then."""
    assert key().digest == "b1eee6c96feca29497c86e92ff2f9d2394fde14a4650f09466182d38d23722e4"
    assert (
        key("日本の山 🦊", take=3).digest
        == "28a18e49af0fa7070863b46449cfbad7ac4dd16c5a557d78336b6bb062fc5de1"
    )
    full = key(
        kind="video",
        model="gemini/gemini-omni-1.2-flash",
        options={"resolution": "720p", "seconds": 6.0, "safety": {"b": [1, 2.5], "a": True}},
        inputs={"image": PIXELS[0], "references": PIXELS[1:]},
        previous=key("before"),
        seed=7,
        base_url="https://example.org/v1",
        take=2,
    )
    assert full.digest == "f80061cbf6ab898ee5def56ed26f687f5ffdc39ab68a10fd300b97fd20bafb2f"


def test_what_is_asked_for_decides() -> None:
    facts: list[dict[str, Any]] = [
        {},
        {"text": "a red fo"},
        {"kind": "video"},
        {"model": "vendor/other"},
        {"base_url": "https://example.org"},
        {"options": {"quality": "high"}},
        {"options": {"quality": ["high"]}},
        {"options": {"quality": None, "size": "1"}},
        {"options": {"size": 1}},
        {"options": {"size": True}},
        {"options": {"a": {"b": 1}}},
        {"options": {"a": {"b": 1.5}}},
        {"seed": 0},
        {"seed": 1},
        {"take": 2},
        {"inputs": {"image": image()}},
        {"inputs": {"last": image()}},
        {"inputs": {"references": [image(), image(9)]}},
        {"inputs": {"references": [image(9), image()]}},
        {"previous": image()},
        {"previous": key()},
        {"previous": key(take=2)},
    ]
    assert len({key(**each).digest for each in facts}) == len(facts)


def test_what_is_the_same_request_has_the_same_key() -> None:
    assert key(options={"a": 1, "b": [2]}) == key(options={"b": (2,), "a": 1, "c": None})
    assert key(inputs={"references": (), "mask": None}) == key()
    assert key(inputs={"image": image()}) == key(inputs={"image": [image(provenance=OWL)]})
    assert key(take=2) == key().with_take(2)
    assert key(take=2).request == key().request


@pytest.mark.parametrize(
    "numbers",
    [
        (1, 1.0, Decimal(1), Decimal("1.00"), Fraction(1), np.float64(1), np.int32(1), np.uint8(1)),
        (0, 0.0, -0.0, Decimal("-0")),
        (0.1, Decimal("0.1"), Fraction(0.1), np.float64(0.1)),
        (10**20, 1e20, Decimal("1E+20")),
        (2**53 + 1, Decimal(2**53 + 1)),
    ],
)
def test_equal_numbers_count_as_one(numbers: tuple[Any, ...]) -> None:
    keys = [key(options={"size": number}) for number in numbers]
    assert len(set(keys)) == 1
    assert len({key(options={"size": [number]}) for number in numbers}) == 1


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**200), 2**200))
def test_a_number_and_the_decimal_of_its_value_count_as_one(number: float) -> None:
    assert key(options={"n": number}) == key(options={"n": Decimal(number)})


def test_large_whole_numbers_are_told_apart() -> None:
    assert key(options={"n": 2**53}) != key(options={"n": 2**53 + 1})


def test_characters_that_look_alike_are_another_prompt() -> None:
    composed, apart = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    assert len({key(composed), key(apart), key("cafe"), key(f"{composed} ")}) == 4
    assert key("\ud800").digest != key("?").digest, "half a character is one, too"


class Thing:
    """Has no lasting form: its `str` holds an address."""


@pytest.mark.parametrize(
    "value",
    [
        Thing(),
        b"bytes",
        {1, 2},
        {1: "a"},
        float("nan"),
        float("inf"),
        Decimal("sNaN"),
        Decimal("1e999999"),
        10**400,
        image(),
        [{"a": Thing()}],
    ],
)
def test_a_value_without_a_lasting_form_is_refused(value: object) -> None:
    with pytest.raises(PromptError):
        key(options={"value": value})


def test_a_list_in_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(PromptError, match="50 lists"):
        key(options={"value": endless})


@pytest.mark.parametrize("take", [0, -1, 1.0, True, "2", None, 10**9, float("nan")])
def test_a_take_is_a_whole_number_from_1(take: Any) -> None:
    for refused in (
        lambda: checked_take(take),
        lambda: key(take=take),
        lambda: key().with_take(take),
    ):
        with pytest.raises(PromptError, match="whole numbers from 1"):
            refused()
    assert checked_take(np.int64(3)) == 3


@pytest.mark.parametrize("name", drawn.names())
def test_content_has_one_digest_whatever_its_provenance(name: str) -> None:
    """So a picture from a vendor and the file of it are the same input."""
    data = drawn.drawn(name)
    media = next(filter(None, (_media(kind, data) for kind in (Image, Audio, Video))))
    for provenance in (FOX, OWL):
        file = b"".join(dataclasses.replace(media, provenance=provenance).serialize())
        assert type(media)(file).content_digest() == media.content_digest()
        assert type(media)(file).provenance == provenance


def _media(kind: type[Media], data: bytes) -> Media | None:
    try:
        return kind(data)
    except ValueError:
        return None


# How a call uses it


def test_a_word_for_the_cache_is_one_of_four() -> None:
    modes = [CacheMode.of(word) for word in (False, True, "refresh", "only")]
    assert modes == [CacheMode.OFF, CacheMode.ON, CacheMode.REFRESH, CacheMode.ONLY]
    with pytest.raises(PromptError, match="did you mean 'refresh'"):
        CacheMode.of("Refesh")
    for meant, hint in (("yes", "True"), ("True", "True"), ("off", "False")):
        with pytest.raises(PromptError, match=f"did you mean {hint}"):
            CacheMode.of(meant)
    others: list[object] = [1, 0, None, [], np.True_]
    for word in others:
        with pytest.raises(PromptError, match="it takes False, True, 'refresh', 'only'"):
            CacheMode.of(word)


def test_the_call_counts_before_the_agent_the_process_and_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, call, agent = CacheSettings(), False, True
    monkeypatch.delenv("MEDIATOOLKIT_CACHE", raising=False)
    assert settings.mode(None, None) is CacheMode.OFF
    for word, mode in (("1", CacheMode.ON), ("0", CacheMode.OFF), ("only", CacheMode.ONLY)):
        monkeypatch.setenv("MEDIATOOLKIT_CACHE", word)
        assert settings.mode() is mode
    settings.default = "refresh"
    assert settings.default == "refresh"
    assert settings.mode(None, None) is CacheMode.REFRESH
    assert settings.mode(None, agent) is CacheMode.ON
    assert settings.mode(call, agent) is CacheMode.OFF
    settings.default = False
    assert settings.mode() is CacheMode.OFF, "and not what the environment says"
    settings.default = None
    assert settings.mode() is CacheMode.ONLY


def test_a_wrong_default_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = CacheSettings()
    settings.default = True
    with pytest.raises(PromptError, match="default='onyl'"):
        settings.default = "onyl"
    assert settings.default is True
    monkeypatch.setenv("MEDIATOOLKIT_CACHE", "yes please")
    assert settings.mode() is CacheMode.ON
    settings.default = None
    with pytest.raises(PromptError, match="MEDIATOOLKIT_CACHE is 'yes please'"):
        settings.mode()


# What is kept


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(Store(tmp_path))


def entry_of(folder: Path, asked: RequestKey) -> Path:
    return folder / "cache" / asked.digest[:2] / f"{asked.digest}.json"


async def test_what_was_kept_comes_back_as_it_was(cache: Cache, tmp_path: Path) -> None:
    made = await cache.put(key(), image(), cost=Decimal("0.067"))
    again = await Cache(Store(tmp_path)).get(key())
    assert again
    assert (again.data, again.provenance, again.path) == (made.data, FOX, made.path)
    assert again.digest() == made.digest()
    assert entry_of(tmp_path, key()).is_file()
    first, second = kept(made), kept(again)
    assert first
    assert second
    assert (first.is_hit, second.is_hit) == (False, True)
    assert (second.key, second.cost, second.created) == (key(), Decimal("0.067"), first.created)
    assert kept(image()) is None


@pytest.mark.parametrize("name", ["grey.png", "tone.wav", "film.mp4"])
async def test_every_kind_of_media_is_kept(cache: Cache, name: str) -> None:
    names = [each for each in drawn.names() if each.endswith(Path(name).suffix)]
    data = drawn.drawn(names[0])
    media = next(filter(None, (_media(kind, data) for kind in (Image, Audio, Video))))
    media = dataclasses.replace(media, provenance=FOX)
    await cache.put(key(), media)
    again = await cache.get(key())
    assert type(again) is type(media)
    assert again.provenance == FOX


async def test_other_requests_and_other_takes_are_misses(cache: Cache) -> None:
    await cache.put(key(), image())
    assert await cache.get(key("an owl")) is None
    assert await cache.get(key(take=2)) is None


async def test_media_that_lies_elsewhere_is_put_into_the_store(
    cache: Cache, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for path in (folder / "fox.png", tmp_path / "fox.png"):
        saved = Image.open(image().save(path))
        put = await cache.put(key(), saved)
        path.unlink()
        assert put.path != path
        assert await cache.get(key())


async def test_media_of_the_store_is_not_written_again(cache: Cache, tmp_path: Path) -> None:
    stored = await Store(tmp_path).put(image())
    before = (stored.path or Path()).stat().st_ino
    put = await cache.put(key(), stored)
    assert put.path == stored.path
    assert (put.path or Path()).stat().st_ino == before


async def test_what_a_conversation_needs_stays_with_the_media(cache: Cache) -> None:
    put = await cache.put(key(), dataclasses.replace(image(), conversation=("turns",)))
    assert put.conversation == ("turns",)


async def test_two_requests_with_the_same_result_are_both_kept(
    cache: Cache, tmp_path: Path
) -> None:
    """The store has one file for both, with the provenance of the later one."""
    await cache.put(key(take=1), image(provenance=FOX))
    await cache.put(key(take=2), image(provenance=OWL))
    assert len(list(tmp_path.glob("*.png"))) == 1
    assert await cache.get(key(take=1))
    assert await cache.get(key(take=2))


async def test_two_files_with_the_same_name_are_told_apart(cache: Cache) -> None:
    """A name holds 64 bits of the digest, and somebody may have found two that share them."""
    first = await cache.put(key(), image())
    assert first.path
    first.path.write_bytes(b"".join(image(9).serialize()))
    assert await cache.get(key()) is None


async def test_a_copy_of_the_store_elsewhere_holds_the_same(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    made = await Cache(Store(tmp_path / "here")).put(key(), image())
    (tmp_path / "here").rename(tmp_path / "there")
    again = await Cache(Store(tmp_path / "there")).get(key())
    assert again
    assert again.digest() == made.digest()
    assert again.path
    assert again.path.parent == tmp_path / "there"


def _overwrite(text: str) -> Callable[[Path, Path], object]:
    return lambda entry, _media: entry.write_text(text)


def _with(**facts: object) -> Callable[[Path, Path], object]:
    return lambda entry, _media: entry.write_text(
        json.dumps({**json.loads(entry.read_text()), **facts})
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda _entry, media: media.unlink(),
        lambda _entry, media: media.write_bytes(media.read_bytes()[:-20]),
        lambda _entry, media: media.write_bytes(b"".join(image(9).serialize())),
        lambda _entry, media: media.write_bytes(b""),
        lambda _entry, media: (media.unlink(), media.mkdir()),
        lambda entry, _media: (entry.unlink(), entry.mkdir()),
        lambda entry, _media: (entry.unlink(), entry.symlink_to("nowhere")),
        lambda entry, _media: entry.write_text(entry.read_text() + " " * 70_000),
        _overwrite(""),
        _overwrite("{"),
        _overwrite("[]"),
        _overwrite("null"),
        _overwrite("[" * 60_000),
        _overwrite("{}"),
        _with(schema=2),
        _with(schema="1"),
        _with(file="../secret.png"),
        _with(file="pending"),
        _with(file=7),
        _with(kind="video"),
        _with(kind="film"),
        _with(digest="0" * 64),
        _with(usd="much"),
        _with(usd="NaN"),
        _with(usd="-1"),
        _with(usd="1e999999"),
        _with(usd=[1]),
        _with(take=0),
        _with(created="yesterday"),
    ],
)
async def test_what_is_broken_is_a_miss_with_one_line_in_the_log(
    cache: Cache, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any
) -> None:
    put = await cache.put(key(), image())
    shutil.copy(put.path or "", tmp_path.parent / "secret.png")
    damage(entry_of(tmp_path, key()), put.path)
    with caplog.at_level(logging.WARNING, "mediatoolkit"):
        assert await cache.get(key()) is None
    (record,) = caplog.records
    assert "is not used" in record.getMessage()
    assert (await cache.size()).entries <= 1


async def test_a_file_that_was_checked_before_is_checked_when_it_has_changed(cache: Cache) -> None:
    kept_image = await cache.put(key(), image())
    assert kept_image.path is not None
    os.utime(kept_image.path, (1, 1))
    for _ in range(2):  # the second time without its digest
        assert await cache.get(key()) is not None
    other = image(9).serialize()
    kept_image.path.write_bytes(b"".join(other))
    assert await cache.get(key()) is None


async def test_a_miss_is_mended_by_what_comes_next(cache: Cache, tmp_path: Path) -> None:
    await cache.put(key(), image())
    entry_of(tmp_path, key()).write_text("{")
    await cache.put(key(), image())
    assert await cache.get(key())


async def test_where_nothing_can_be_written_the_media_is_handed_out_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    caches = [Cache(Store(tmp_path)), Cache(Store(tmp_path))]
    with caplog.at_level(logging.WARNING, "mediatoolkit"):
        for cache in caches:
            media = await cache.put(key(), image())
            assert media.data == image().data
            assert media.path
            assert await cache.get(key()) is None
            assert await cache.size() == (0, 0)
            assert await cache.clear() == 0
    (record,) = caplog.records
    assert "cannot keep it" in record.getMessage()


async def test_media_that_even_the_store_cannot_take_is_handed_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "store").write_text("a file in the way")
    media = image()
    assert await Cache(Store(tmp_path / "store")).put(key(), media) is media
    assert len(caplog.records) == 1


def test_two_kernels_with_one_store_both_leave_whole_entries(tmp_path: Path) -> None:
    """The last one to write wins; a reader meanwhile gets one or the other."""
    start = threading.Barrier(3)

    async def write(side: int) -> None:
        cache = Cache(Store(tmp_path))
        start.wait()
        for _ in range(30):
            await cache.put(key(), image(side))

    async def read() -> set[int]:
        cache = Cache(Store(tmp_path))
        await cache.put(key(), image(8))
        start.wait()
        results = [await cache.get(key()) for _ in range(60)]
        return {result.width for result in results if isinstance(result, Image)} | {
            0 for result in results if result is None
        }

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(asyncio.run, write(side)) for side in (8, 9)]
        assert pool.submit(asyncio.run, read()).result(60) <= {8, 9}
        for writer in writers:
            writer.result(60)
    assert len(list(tmp_path.glob("cache/*/*"))) == 1


# Clear and count


async def test_clear_forgets_what_is_named_and_deletes_no_media(
    cache: Cache, tmp_path: Path
) -> None:
    for number, model in enumerate(["a/x", "a/y", "ab/x"]):
        await cache.put(key(model=model), image(8 + number))
    assert await cache.clear(model="a/x") == 1
    assert await cache.get(key(model="a/x")) is None
    assert await cache.clear(model="a") == 1, "a vendor's models, and not those of another"
    assert await cache.get(key(model="ab/x"))
    entry_of(tmp_path, key()).parent.mkdir(exist_ok=True)
    entry_of(tmp_path, key()).write_text("{")
    assert await cache.clear(model="a") == 0
    assert await cache.clear() == 2, "also what is broken"
    assert len(list(tmp_path.glob("*.png"))) == 3


async def test_clear_goes_by_age(cache: Cache, tmp_path: Path) -> None:
    for name, created in (("old", "2026-01-01T00:00:00+00:00"), ("new", "")):
        await cache.put(key(name), image())
        if created:
            _with(created=created)(entry_of(tmp_path, key(name)), tmp_path)
    assert await cache.clear(older_than=timedelta(days=1), model="other/model") == 0
    assert await cache.clear(older_than=timedelta(days=1)) == 1
    assert await cache.get(key("new"))
    assert await cache.clear(older_than=3600) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"older_than": -1},
        {"older_than": float("nan")},
        {"older_than": "1 day"},
        {"older_than": timedelta(-1)},
        {"model": 7},
    ],
)
async def test_clear_refuses_what_it_does_not_understand(cache: Cache, wrong: Any) -> None:
    await cache.put(key(), image())
    with pytest.raises(PromptError):
        await cache.clear(**wrong)
    assert await cache.get(key())


async def test_size_counts_each_file_once(cache: Cache, tmp_path: Path) -> None:
    assert await cache.size() == (0, 0)
    for take in (1, 2):
        await cache.put(key(take=take), image())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert await cache.size() == (2, sum(path.stat().st_size for path in files))


# Get or make


class Maker:
    """Makes pictures, each another one, and counts them."""

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, _context: CallContext) -> Image:
        """Make the next."""
        self.count += 1
        side = 8 + self.count
        await self.go.wait()
        return image(side)

    async def ask(self, cache: Cache, mode: CacheMode, asked: RequestKey | None = None) -> Image:
        """Ask for one, within a context of the caller's own."""
        async with CallContext(60) as context:
            return await cache.get_or_make([asked or key()], mode, context, self)


async def test_on_makes_it_once_and_refresh_replaces_it(cache: Cache) -> None:
    maker = Maker()
    sides = [
        (await maker.ask(cache, mode)).width
        for mode in (
            CacheMode.OFF,
            CacheMode.ON,
            CacheMode.ON,
            CacheMode.ONLY,
            CacheMode.REFRESH,
            CacheMode.ON,
            CacheMode.OFF,
            CacheMode.ONLY,
        )
    ]
    assert sides == [9, 10, 10, 10, 11, 11, 12, 11]


async def test_a_broken_entry_is_told_of_once_although_it_is_looked_at_twice(
    cache: Cache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await cache.put(key(), image())
    entry_of(tmp_path, key()).write_text("{")
    with caplog.at_level(logging.WARNING, "mediatoolkit"):
        await Maker().ask(cache, CacheMode.ON)
    assert len(caplog.records) == 1


async def test_only_makes_nothing_and_says_what_to_do(cache: Cache) -> None:
    maker = Maker()
    with pytest.raises(NotCachedError, match=r"vendor/model, take 1.*cache=True") as caught:
        await maker.ask(cache, CacheMode.ONLY)
    assert isinstance(caught.value, LookupError)
    assert maker.count == 0


async def test_an_error_is_not_kept(cache: Cache) -> None:
    async def fail(_context: CallContext) -> Image:
        raise ProviderError("No.")

    async with CallContext(60) as context:
        with pytest.raises(ProviderError):
            await cache.get_or_make([key()], CacheMode.ON, context, fail)
    assert await cache.size() == (0, 0)
    assert (await Maker().ask(cache, CacheMode.ON)).width == 9


async def test_the_same_request_twice_at_once_is_sent_once(tmp_path: Path) -> None:
    maker = Maker()
    maker.go.clear()
    tasks = [asyncio.create_task(maker.ask(Cache(Store(tmp_path)), CacheMode.ON)) for _ in range(5)]
    tasks.append(asyncio.create_task(maker.ask(Cache(Store(tmp_path)), CacheMode.ON, key(take=2))))
    while maker.count < 2:
        await asyncio.sleep(0)
    tasks[0].cancel()
    maker.go.set()
    first, *others, take_2 = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert len({each.width for each in others if isinstance(each, Image)}) == 1
    assert isinstance(take_2, Image)
    assert maker.count == 2


async def test_who_looked_before_it_was_kept_looks_again_before_it_is_sent(tmp_path: Path) -> None:
    """The first call ends between the look of the second and its request."""
    maker, has_looked, go_on = Maker(), asyncio.Event(), asyncio.Event()

    class SlowCache(Cache):
        async def get(self, asked: RequestKey) -> Media | None:
            media = await super().get(asked)
            has_looked.set()
            await go_on.wait()
            return media

    slow = asyncio.create_task(maker.ask(SlowCache(Store(tmp_path)), CacheMode.ON))
    await has_looked.wait()
    await maker.ask(Cache(Store(tmp_path)), CacheMode.ON)
    go_on.set()
    assert (await slow).width == 9
    assert maker.count == 1


async def test_other_stores_do_not_share_what_they_make(tmp_path: Path) -> None:
    maker = Maker()
    caches = [Cache(Store(tmp_path / name, create=True)) for name in "ab"]
    await asyncio.gather(*(maker.ask(cache, CacheMode.ON) for cache in caches))
    assert maker.count == 2
    assert [await cache.get(key()) is not None for cache in caches] == [True, True]


def test_threads_that_ask_for_the_same_send_it_once(tmp_path: Path) -> None:
    """Whoever comes when the work is just over finds it kept."""
    made: list[int] = []
    start = threading.Barrier(6)

    async def make(_context: CallContext) -> Image:
        made.append(1)
        return image()

    async def ask(number: int) -> str:
        async with CallContext(60) as context:
            media = await Cache(Store(tmp_path)).get_or_make(
                [key(f"fox {number}")], CacheMode.ON, context, make
            )
        return media.digest()

    def asks() -> list[str]:
        with asyncio.Runner() as runner:
            digests = []
            for number in range(10):
                start.wait()
                digests.append(runner.run(ask(number)))
            start.wait()
            return digests

    with ThreadPoolExecutor(6) as pool:
        results = [future.result(60) for future in [pool.submit(asks) for _ in range(6)]]
    assert len(made) == 10
    assert all(result == results[0] for result in results)


async def test_a_follow_up_of_what_was_refreshed_is_another_request(cache: Cache) -> None:
    """The picture that it goes on from is another one now."""
    maker = Maker()
    first = await maker.ask(cache, CacheMode.ON)
    before = key("make it blue", previous=first)
    again = await maker.ask(cache, CacheMode.ON)
    assert key("make it blue", previous=again) == before
    fresh = await maker.ask(cache, CacheMode.REFRESH)
    assert key("make it blue", previous=fresh) != before
    assert key("make it blue", previous=image(9)) != before, "a picture without its conversation"


async def test_a_link_in_the_cache_is_replaced_and_never_written_through(
    cache: Cache, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    await cache.put(key(), image())
    entry = entry_of(tmp_path, key())
    entry.unlink()
    entry.symlink_to(tmp_path / "secret")
    await cache.put(key(), image())
    assert (tmp_path / "secret").read_text() == "secret"
    assert await cache.get(key())


async def test_leftovers_of_a_process_that_is_gone_are_swept(cache: Cache, tmp_path: Path) -> None:
    folder = entry_of(tmp_path, key()).parent
    folder.mkdir(parents=True)
    (folder / ".x.4242-0123abcd.part").write_text("half")
    os.utime(folder / ".x.4242-0123abcd.part", (1, 1))
    assert await cache.get(key()) is None
    assert list(folder.iterdir()) == []


def test_a_cache_says_nothing_of_the_machine(cache: Cache) -> None:
    assert repr(cache) == "<Cache>"
    assert caching.settings.default is None
