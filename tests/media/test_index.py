"""Entries: what a folder of media tells without being read."""

import os
from pathlib import Path

import numpy as np
import pytest

from mediatoolkit.errors import StorageError
from mediatoolkit.media import Audio, Entry, Image, Media, Provenance, Video, entries_in, entry_of
from mediatoolkit.media.pixels import encode, pillow_of
from tests.media.clips import clip
from tests.test_prompts import picture

FOX = Provenance(model="local/painter", prompt="a red fox", engine="local", seed=7)


def _media() -> list[tuple[str, Media]]:
    noise = np.random.default_rng(7).integers(0, 255, (256, 256, 3), np.uint8)
    tone = Audio.from_samples(np.zeros(24_000, np.float32), 24_000, provenance=FOX)
    named: list[tuple[str, Media]] = [
        (f"a{ending}", Image(encode(pillow_of(noise), mime), FOX))
        for ending, mime in ((".png", "image/png"), (".jpg", "image/jpeg"), (".webp", "image/webp"))
    ]
    named += [("a.wav", tone), ("a.mp4", Video(clip("mp4"), FOX))]
    named += [("a.webm", Video(clip("webm"), FOX))]
    return named


@pytest.mark.parametrize(("name", "media"), _media(), ids=lambda value: str(value)[:8])
def test_an_entry_knows_the_kind_and_origin_of_a_file(
    tmp_path: Path, name: str, media: Media
) -> None:
    path = media.save(tmp_path / name)

    entry = entry_of(path)

    assert entry is not None
    assert (entry.kind, entry.provenance, entry.path) == (type(media), FOX, path)
    assert entry.size == path.stat().st_size
    assert entry.open().data == type(media).open(path).data


@pytest.mark.parametrize("ending", [".mp3", ".flac", ".ogg"])
def test_an_entry_of_coded_sound(tmp_path: Path, ending: str) -> None:
    tone = Audio.from_samples(np.zeros(24_000, np.float32), 24_000, provenance=FOX)

    entry = entry_of(tone.save(tmp_path / f"a{ending}"))

    assert entry is not None
    assert entry.provenance == FOX


def test_our_pictures_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    """The rest of the file is not read, so a store of many opens at once."""
    path = Image(picture(), FOX).save(tmp_path / "fox.png")
    path.write_bytes(path.read_bytes()[:-20])

    entry = entry_of(path)

    assert entry is not None
    assert entry.prompt == "a red fox"


def test_foreign_and_broken_files_are_left_out(tmp_path: Path) -> None:
    Image(picture()).save(tmp_path / "kept.png")
    for name, content in {
        "cut.png": picture()[:-20],
        "empty.jpg": b"",
        "page.webp": b"<html>",
        "notes.txt": b"words",
        ".hidden.png": picture(),
    }.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "missing.png")

    assert [entry.path for entry in entries_in(tmp_path, 10)] == [tmp_path / "kept.png"]
    assert entry_of(tmp_path / "missing.png") is None


def test_the_newest_come_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    for age in range(5):
        path = Image(picture()).save(tmp_path / f"{age}.png")
        os.utime(path, (1_000 - age, 1_000 - age))

    newest = entries_in(tmp_path, 3)

    assert [entry.path.name for entry in newest if entry.path] == ["0.png", "1.png", "2.png"]


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    path = Image(picture(), FOX).save(tmp_path / "fox.png")
    assert [entry.prompt for entry in entries_in(tmp_path, 9)] == ["a red fox"]

    Image(picture()).save(path)

    assert [entry.prompt for entry in entries_in(tmp_path, 9)] == [""]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="missing"):
        entries_in(tmp_path / "missing", 9)


def test_an_entry_of_media_in_memory_is_that_media() -> None:
    fox = Image(
        picture(), Provenance(model="m", prompt="p", engine="e", created="2026-01-01T00:00:00Z")
    )

    entry = Entry.of(fox)

    assert entry.open() is fox
    assert entry.modified == 1_767_225_600
