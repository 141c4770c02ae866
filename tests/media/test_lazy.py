"""Media that lies in a store is read when it is first used."""

import copy
import pickle
import threading
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mediatoolkit as mt
from mediatoolkit.media import Media, Provenance, is_in_memory, lazy, lazy_media
from mediatoolkit.runtime import files
from mediatoolkit.widgets import tables
from tests.media.clips import clip

FOX = Provenance(model="a/b", prompt="a fox", engine="a", cost={"usd": "0.067"})


def sound() -> mt.Audio:
    wave = np.sin(np.linspace(0, 400, 8_000, dtype=np.float32))
    return mt.Audio.from_samples(wave, 16_000, provenance=FOX)


def image(side: int = 32) -> mt.Image:
    pixels = np.random.default_rng(side).integers(0, 255, (side, side, 3), np.uint8)
    return mt.Image(mt.Image.of(pixels).data, FOX)


EVERY: dict[str, Callable[[], Any]] = {
    "picture": image,
    "sound": sound,
    "film": lambda: mt.Video(clip(frames=3)),
}


class Files:
    """Reads files, and counts how often."""

    reads = 0

    def of(self, path: Path, kind: type[Media] = mt.Image) -> Any:
        return lazy_media(kind, partial(self.read, path), path)

    def read(self, path: Path) -> bytes:
        self.reads += 1
        return files.read_file(path)


@pytest.fixture
def counted() -> Files:
    return Files()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return image().save(tmp_path / "fox.png")


def attributes(media: Any) -> list[str]:
    # The samples of a sound and the like are made anew at each use.
    names = [name for name in dir(media) if name[0] != "_" and not callable(getattr(media, name))]
    return [name for name in names if name != "samples"]


@pytest.mark.parametrize("name", EVERY)
def test_it_is_as_media_that_was_read_at_once(name: str, tmp_path: Path, counted: Files) -> None:
    made = EVERY[name]()
    path = made.save(tmp_path / "media")
    eager = type(made).open(path)
    media = counted.of(path, type(made))
    assert isinstance(media, type(made))
    assert media.path == path
    assert counted.reads == 0
    assert repr(media) == repr(eager)
    assert attributes(media) == attributes(eager)
    for attribute in attributes(eager):
        assert getattr(media, attribute) == getattr(eager, attribute)
    assert media.preview() == eager.preview()
    assert media.preview() is media.preview()
    assert media._repr_mimebundle_() == eager._repr_mimebundle_()
    assert media._repr_html_() == eager._repr_html_()
    assert media.save(tmp_path / "again").read_bytes() == path.read_bytes()
    assert counted.reads == 1


def test_pixels_come_as_from_any_picture(path: Path, counted: Files) -> None:
    media, eager = counted.of(path), mt.Image.open(path)
    assert (np.asarray(media) == np.asarray(eager)).all()
    assert media.to_pil() == eager.to_pil()
    assert media.save(path.with_suffix(".jpg")).read_bytes()[:2] == b"\xff\xd8"


def _pickled(thing: object) -> Any:
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, _pickled], ids=lambda way: way.__name__)
def test_a_copy_holds_the_bytes(way: Callable[[Any], Any], path: Path, counted: Files) -> None:
    media = way(counted.of(path))
    path.unlink()
    assert (media.width, media.provenance.prompt, media.path) == (32, "a fox", path)


def test_equal_is_only_itself_as_with_all_media(path: Path, counted: Files) -> None:
    media = counted.of(path)
    assert media == media  # noqa: PLR0124
    assert media != counted.of(path)
    assert {media: 1}[media] == 1
    assert counted.reads == 0


def test_an_attribute_that_no_media_has_is_missing_without_reading(
    path: Path, counted: Files
) -> None:
    media = counted.of(path)
    with pytest.raises(AttributeError, match="'Image' object has no attribute 'foo'"):
        _ = media.foo
    assert not hasattr(media, "__array_interface__")
    assert counted.reads == 0


def test_tables_are_made_and_turned_without_reading(path: Path, counted: Files) -> None:
    frame = pd.DataFrame({"media": [counted.of(path) for _ in range(50)], "n": range(50)})
    frame = pd.concat([frame.sort_values("n", ascending=False), frame]).reset_index(drop=True)
    frame = frame[frame["n"] > 4].merge(frame, on="n").assign(other=frame["media"])
    assert frame.dropna().notna().all().all()
    assert frame.to_dict("records")
    assert frame.groupby("n").first().shape
    assert np.array(frame["other"].tolist(), dtype=object).shape == (len(frame),)
    assert counted.reads == 0
    assert "<Image 32×32 image/png, a/b>" in repr(frame.head(3))
    assert 0 < counted.reads <= 3 * 3


def test_a_page_with_a_long_table_reads_what_it_shows(path: Path, counted: Files) -> None:
    frame = pd.DataFrame({"media": [counted.of(path) for _ in range(10_000)]})
    (bundle, _) = tables.table_bundle(frame)
    assert bundle["text/html"].count("<img") == counted.reads == pd.get_option("display.max_rows")
    html = tables.to_html(frame.head(1_000))
    assert html.count("<img") == tables.MOST
    assert html.count("&lt;Image fox.png&gt;") == 1_000 - tables.MOST
    assert counted.reads <= tables.MOST + pd.get_option("display.max_rows")


def test_a_row_that_was_not_used_takes_little_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        paths = [tmp_path / f"{number:016x}.png" for number in range(5_000)]
        rows = [lazy_media(mt.Image, partial(files.read_file, path), path) for path in paths]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / len(rows) < 1_000


def test_what_was_used_makes_room_for_what_is(
    tmp_path: Path, counted: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [image(side).save(tmp_path / f"{side}.png") for side in range(100, 110)]
    monkeypatch.setattr(lazy, "MOST_BYTES", 4 * paths[-1].stat().st_size)
    several = [counted.of(path) for path in paths]
    assert [media.width for media in several] == [*range(100, 110)]
    assert 3 <= sum(map(is_in_memory, several)) <= 4
    assert is_in_memory(several[-1])
    assert several[-1].height == 109
    assert counted.reads == 10
    assert several[0].height == 100
    assert counted.reads == 11


def test_media_above_the_limit_is_kept_alone(
    path: Path, counted: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy, "MOST_BYTES", 10)
    media = counted.of(path)
    assert (media.width, media.height, counted.reads) == (32, 32, 1)


def test_threads_may_use_it_at_once(path: Path, counted: Files) -> None:
    several = [counted.of(path) for _ in range(20)]
    widths: list[int] = []
    threads = [
        threading.Thread(target=lambda: widths.extend(media.width for media in several))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert widths == [32] * 160


def test_a_file_that_is_gone_is_an_error_that_says_what_to_do(path: Path, counted: Files) -> None:
    media = counted.of(path)
    path.unlink()
    with pytest.raises(mt.StorageError, match=r"No such file .* Put the file back, or make it ag"):
        _ = media.width
    assert media.path == path
    assert repr(media) == "<Image that cannot be read>"
    assert media._repr_html_() == "&lt;Image that cannot be read&gt;"
    assert "<Image that cannot be read>" in repr(pd.DataFrame({"media": [media]}))
    image().save(path)
    assert media.width == 32


def test_an_error_of_another_file_system_is_one_of_ours() -> None:
    def read() -> bytes:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(mt.StorageError, match="The picture in the store cannot be read: Perm"):
        _ = lazy_media(mt.Image, read).width


def test_a_broken_file_says_which_it_is(path: Path, counted: Files) -> None:
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(mt.MediaError, match=r"'fox.png' is broken: .* make it again"):
        _ = counted.of(path).width
