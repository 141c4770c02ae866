"""Films: types by their boxes, provenance in the file, pictures when they are wanted."""

import asyncio
import base64
import builtins
import struct
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediatoolkit.errors import MediaError, MissingExtraError, StorageError
from mediatoolkit.media import Provenance, Video
from mediatoolkit.media.boxes import boxes
from tests.media.clips import SIZE, clip, sound_alone

FOX = Provenance(
    model="local/film",
    prompt='a red <fox> & "stars" – 狐',
    engine="local",
    seed=7,
    options={"seconds": 6},
)
KINDS = ("mp4", "webm")


def kinds_of(data: bytes) -> list[bytes]:
    return [box.kind for box in boxes(data, 0, len(data))]


@pytest.mark.parametrize("kind", KINDS)
def test_length_size_and_rate_come_from_the_bytes(kind: str) -> None:
    video = Video(clip(kind))
    assert (video.mime_type, video.extension) == (f"video/{kind}", f".{kind}")
    assert (video.width, video.height) == SIZE
    assert video.seconds == pytest.approx(1.0, abs=0.001)
    assert video.fps == pytest.approx(24, abs=0.001)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_decoded_to_know_the_film(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without_pyav(monkeypatch)
    assert repr(Video(clip(kind), FOX)) == (f"<Video 1.0 s 160×90 24 fps video/{kind}, local/film>")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("mp4", {"movflags": "frag_keyframe+empty_moov"}), ("webm", {"live": True})],
)
def test_a_film_that_does_not_know_its_length_is_measured(
    kind: str, options: dict[str, Any]
) -> None:
    video = Video(clip(kind, **options))
    assert video.facts.seconds is None
    assert video.seconds == pytest.approx(1.0, abs=0.05)
    assert video.fps == pytest.approx(24, rel=0.05)
    assert repr(video).startswith("<Video 160×90")


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_can_be_had_as_an_array(kind: str) -> None:
    pictures = list(Video(clip(kind)).frames())
    assert len(pictures) == 24
    assert {picture.shape for picture in pictures} == {(90, 160, 3)}
    assert all(picture.dtype == np.uint8 for picture in pictures)
    assert [int(picture[-1, -1, 0]) for picture in pictures] == pytest.approx(
        [8 * n for n in range(24)], abs=6
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("at", "frame"), [(0.0, 0), (0.5, 12), (0.52, 12), (0.99, 23), (99, 23)])
def test_the_poster_is_what_is_seen_then(kind: str, at: float, frame: int) -> None:
    poster = np.asarray(Video(clip(kind)).poster(at))
    assert int(poster[-1, -1, 0]) == pytest.approx(8 * frame, abs=3)


@pytest.mark.parametrize("at", [-1, float("nan"), "later"])
def test_there_is_no_poster_before_the_film(at: Any) -> None:
    with pytest.raises(MediaError, match="begins at 0"):
        Video(clip()).poster(at)


def test_the_poster_carries_the_origin_on() -> None:
    origin = Video(clip(), FOX).poster(0.5).provenance
    assert origin is not None
    assert (origin.prompt, origin.notes["seconds_into_film"]) == (FOX.prompt, 0.5)


def test_a_film_taken_with_a_turned_phone_stands_upright() -> None:
    data = bytearray(clip())
    matrix = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">5i", data, matrix, 0, 1 << 16, 0, -1 << 16, 0)
    video = Video(bytes(data))
    assert (video.width, video.height) == (90, 160)
    picture = next(video.frames())
    assert picture.shape == (160, 90, 3)
    assert picture[5, -5, 0] > 200, "a quarter clockwise: the upper left corner is now at the right"


@pytest.mark.parametrize("movflags", ["", "+faststart", "frag_keyframe+empty_moov"])
def test_provenance_lies_in_an_mp4_and_no_offset_moves(movflags: str, tmp_path: Path) -> None:
    data = clip(movflags=movflags)
    path = Video(data, FOX).save(tmp_path / "fox")
    film = Video.open(path)
    assert (film.path, film.provenance) == (path, FOX)
    assert film.data.startswith(data)
    assert len(list(film.frames())) == 24


@pytest.mark.parametrize("live", [False, True])
def test_provenance_lies_in_a_webm(live: bool, tmp_path: Path) -> None:  # noqa: FBT001
    path = Video(clip("webm", live=live), FOX).save(tmp_path / "fox")
    film = Video.open(path)
    assert film.provenance == FOX
    assert len(list(film.frames())) == 24
    assert Video(film.data).facts.length == len(film.data)


@pytest.mark.parametrize("kind", KINDS)
def test_an_older_record_is_replaced(kind: str) -> None:
    other = replace(FOX, prompt="a cat")
    once = b"".join(Video(clip(kind), other).file_pieces())
    twice = b"".join(Video(once, FOX).file_pieces())
    assert Video(twice).provenance == FOX
    assert b"a cat" not in twice


def test_a_last_box_without_a_length_gets_one_before_the_record() -> None:
    data = bytearray(clip())
    last = list(boxes(bytes(data), 0, len(data)))[-1]
    struct.pack_into(">I", data, last.start, 0)
    whole = b"".join(Video(bytes(data), FOX).file_pieces())
    assert kinds_of(whole)[-1] == b"uuid"
    assert Video(whole).provenance == FOX
    assert len(list(Video(whole).frames())) == 24


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("movflags", ["", "+faststart"])
@given(share=st.floats(0, 0.999))
def test_a_film_cut_anywhere_is_refused(kind: str, movflags: str, share: float) -> None:
    data = clip(kind, movflags=movflags if kind == "mp4" else "")
    with pytest.raises(MediaError):
        Video(data[: int(len(data) * share)])


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_check(noise: bytes) -> None:
    for start in (b"\0\0\0\x10ftypisom\0\0\0\0", b"\x1a\x45\xdf\xa3", b""):
        with pytest.raises(MediaError):
            Video(start + noise)


@settings(max_examples=200)
@given(at=st.integers(0, 5000), byte=st.integers(0, 255), kind=st.sampled_from(KINDS))
def test_a_changed_byte_gives_a_film_or_a_media_error(at: int, byte: int, kind: str) -> None:
    data = bytearray(clip(kind))
    data[at % len(data)] = byte
    try:
        video = Video(bytes(data))
        next(video.frames(), None)
        video.file_pieces()
    except MediaError:
        pass


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<!doctype html><html>", "HTML"),
        (b"\x89PNG\r\n\x1a\n", "unknown data"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "QuickTime"),
        (b"\0\0\0\x14ftypheic\0\0\0\0mif1", "picture"),
        (sound_alone(), "no moving pictures"),
        (sound_alone("webm"), "no moving pictures"),
        (clip("webm").replace(b"webm", b"mkvx", 1), "Matroska"),
        (clip() + b"<script>", "cut short"),
    ],
)
def test_what_is_no_film_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        Video(data)


def test_films_are_made_of_what_people_have(tmp_path: Path) -> None:
    path = tmp_path / "fox.mp4"
    path.write_bytes(clip())
    for thing in (Video(clip()), clip(), bytearray(clip()), path, str(path)):
        assert Video.of(thing).data == clip()


@pytest.mark.parametrize("thing", [None, 3, ["a.mp4"]])
def test_what_cannot_be_a_film_is_refused(thing: object) -> None:
    with pytest.raises(MediaError, match="not a film"):
        Video.of(thing)


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"fox\.mp4"):
        Video.open(tmp_path / "fox.mp4")


def test_a_film_is_not_converted(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"saved as \.mp4"):
        Video(clip()).save(tmp_path / "fox.webm")
    assert not list(tmp_path.iterdir())


async def test_asave_writes_without_blocking(tmp_path: Path) -> None:
    path = await Video(clip(), FOX).asave(tmp_path / "fox.mp4")
    assert (await asyncio.to_thread(Video.open, path)).provenance == FOX


def test_a_small_film_plays_in_the_page_itself() -> None:
    video = Video(clip(), FOX)
    data, metadata = video._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", "image/jpeg"}
    assert f"data:video/mp4;base64,{base64.b64encode(video.data).decode()}" in data["text/html"]
    assert "<video controls" in data["text/html"]
    assert "<fox>" not in data["text/html"]
    assert "local engine" in data["text/html"]
    assert metadata["image/jpeg"]["alt"] == FOX.prompt
    assert data["text/plain"] == repr(video)


def test_a_large_film_is_played_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mediatoolkit.media.video.INLINE", 1000)
    (tmp_path / "my films").mkdir()
    video = replace(Video(clip(), FOX), path=tmp_path / "my films" / "fox.mp4")
    html = video._repr_mimebundle_()[0]["text/html"]
    assert 'src="my%20films/fox.mp4"' in html
    assert 'poster="data:image/jpeg;base64,' in html
    assert "data:video" not in html


def test_a_large_film_far_away_shows_its_first_picture_and_a_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mediatoolkit.media.video.INLINE", 1000)
    video = replace(Video(clip(), FOX), path=Path("/films/fox.mp4"))
    data, _ = video._repr_mimebundle_()
    assert '<img src="data:image/jpeg;base64,' in data["text/html"]
    assert 'href="file:///films/fox.mp4"' in data["text/html"]
    assert "data:video" not in data["text/html"]


def test_the_preview_is_made_once_and_stays_small() -> None:
    video = Video(clip(size=(640, 360)))
    assert len(video.preview().data) <= 44_000
    assert video.preview() is video.preview()


def without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> types.ModuleType:
        if name == "av" or name.startswith("av."):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_without_pyav_the_error_names_the_install(monkeypatch: pytest.MonkeyPatch) -> None:
    without_pyav(monkeypatch)
    video = Video(clip(), FOX)
    for work in (video.poster, video.preview, lambda: next(video.frames())):
        with pytest.raises(MissingExtraError, match=r'pip install "mediatoolkit\[local\]"'):
            work()
    html = video._repr_mimebundle_()[0]["text/html"]
    assert "<video controls" in html, "the browser needs no PyAV"
