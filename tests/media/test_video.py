"""Films: types by their boxes, provenance in the file, pictures when they are wanted."""

import asyncio
import base64
import builtins
import functools
import io
import re
import struct
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatoolkit as mt
from mediatoolkit.errors import MediaError, MissingExtraError, PromptError, StorageError
from mediatoolkit.media import Provenance, Video, frames
from mediatoolkit.media.containers.mp4 import boxes
from tests.media import drawn
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


def test_a_film_that_does_not_know_its_length_is_measured() -> None:
    video = Video(clip("webm", live=True))
    assert video.facts.seconds is None
    assert video.seconds == pytest.approx(1.0, abs=0.05)
    assert video.fps == pytest.approx(24, rel=0.05)
    assert repr(video).startswith("<Video 160×90")


@pytest.mark.parametrize(
    "movflags",
    [
        "frag_keyframe",
        "frag_every_frame",
        "frag_keyframe+empty_moov",
        "frag_keyframe+delay_moov",
        "hybrid_fragmented",
        "cmaf",
        "dash",
    ],
)
def test_the_length_of_a_film_in_fragments_is_their_sum(
    movflags: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head of such a film counts its first fragment only, or none."""
    data = clip(frames=60, movflags=movflags)
    video = Video(data)
    assert video.fps == pytest.approx(24, abs=0.01)
    assert video.seconds == pytest.approx(frames.measure(data)[0], abs=0.001)
    assert video.seconds == pytest.approx(2.5, abs=0.001)
    without_pyav(monkeypatch)
    assert repr(Video(data)).startswith("<Video 2.5 s"), "it is read, not measured"


@pytest.mark.parametrize("late", [0, 1_000_000])
def test_each_fragment_begins_at_the_time_that_it_names(late: int) -> None:
    """FFmpeg gives some pictures no length of their own; a broadcast begins at any time."""
    film = drawn.drawn("by_pictures.mp4")
    data, at = bytearray(film), 0
    while (at := film.find(b"tfdt", at + 1)) != -1:
        (time,) = struct.unpack_from(">Q", data, at + 8)
        struct.pack_into(">Q", data, at + 8, time + late)
    assert Video(bytes(data)).facts.seconds == pytest.approx(18 / 24)


def test_a_broken_fragment_leaves_the_length_to_be_measured() -> None:
    data = bytearray(clip(frames=60, movflags="frag_keyframe"))
    run = data.index(b"trun") + 4
    struct.pack_into(">I", data, run + 4, 0xFFFFFF)
    struct.pack_into(">I", data, run, 0x100)
    assert Video(bytes(data)).facts.seconds is None


@pytest.mark.parametrize("head", [b"mvhd", b"mdhd"])
def test_a_film_without_a_time_scale_is_taken(head: bytes) -> None:
    data = bytearray(clip())
    struct.pack_into(">I", data, data.index(head) + 4 + 12, 0)
    assert Video(bytes(data)).poster().width == 160


def test_a_film_whose_samples_do_not_say_their_size_is_as_large_as_its_track() -> None:
    data = bytearray(clip())
    struct.pack_into(">HH", data, data.index(b"avc1") + 4 + 24, 0, 0)
    assert (Video(bytes(data)).width, Video(bytes(data)).height) == SIZE


def test_pixels_that_are_no_squares_are_stretched_as_players_do() -> None:
    video = Video(clip(size=(64, 48), aspect=2))
    assert (video.width, video.height) == (128, 48)
    assert (video.poster().width, video.poster().height) == (128, 48)
    assert next(video.frames()).shape == (48, 128, 3)
    assert (video.preview().width, video.preview().height) == (128, 48)


def test_a_turned_film_is_stretched_before_it_is_turned() -> None:
    data = bytearray(clip(size=(64, 48), aspect=2))
    matrix = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">5i", data, matrix, 0, 1 << 16, 0, -1 << 16, 0)
    video = Video(bytes(data))
    assert (video.width, video.height) == (48, 128)
    assert next(video.frames()).shape == (128, 48, 3)


def test_a_webm_is_as_wide_as_it_says_it_is_shown() -> None:
    def element(name: int, content: bytes) -> bytes:
        return (
            name.to_bytes((name.bit_length() + 7) // 8, "big")
            + bytes([0x80 | len(content)])
            + content
        )

    sides = ((0xB0, 64), (0xBA, 48), (0x54B0, 16), (0x54BA, 6))  # shown 8 to 3, whatever the unit
    video = element(0xE0, b"".join(element(name, bytes([side])) for name, side in sides))
    tracks = element(0x1654AE6B, element(0xAE, video))
    segment = element(0x18538067, tracks + element(0x1F43B675, b""))
    film = Video(element(0x1A45DFA3, element(0x4282, b"webm")) + segment)
    assert (film.width, film.height) == (128, 48)


@pytest.mark.parametrize("kind", KINDS)
def test_a_title_that_is_no_utf_8_harms_no_picture(kind: str) -> None:
    data = clip(kind, title="abcdefgh").replace(b"abcdefgh", b"caf\xe9 \xfe\xffx")
    assert b"caf\xe9" in data
    video = Video(data)
    assert video.poster().width == video.preview().width == 160
    assert len(list(video.frames())) == 24
    assert frames.measure(data)[0] == pytest.approx(1.0, abs=0.05)


def test_a_film_in_high_definition_has_the_colours_of_high_definition() -> None:
    """BT.709 is what players take where nothing is said."""
    red = np.full((720, 1280, 3), (200, 40, 60), np.uint8)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        frame = av.VideoFrame.from_ndarray(red, format="rgb24")
        container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=1)))
        container.mux(stream.encode(None))
    assert np.asarray(Video(file.getvalue()).poster())[9, 9] == pytest.approx((200, 40, 60), abs=4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("movflags", ["", "+faststart", "frag_keyframe"])
@pytest.mark.parametrize("tail", [b"\0", bytes(7), b"\n", b"<script>", b"Words " * 99], ids=len)
def test_what_stands_behind_a_whole_film_is_kept(kind: str, movflags: str, tail: bytes) -> None:
    data = clip(kind, movflags=movflags if kind == "mp4" else "")
    video = Video(data + tail)
    assert video.data == data + tail
    saved = b"".join(replace(video, provenance=FOX).serialize())
    assert saved.endswith(tail)
    assert Video(saved).provenance == FOX
    assert len(list(Video(saved).frames())) == 24


@pytest.mark.parametrize("kind", [b"free", b"uuid", b"mdat", b"moof", b"mfra"])
def test_a_box_that_is_cut_behind_a_whole_film_is_no_words(kind: bytes) -> None:
    with pytest.raises(MediaError, match="cut short"):
        Video(clip() + struct.pack(">I4s", 100, kind) + bytes(20))


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
    once = b"".join(Video(clip(kind), other).serialize())
    twice = b"".join(Video(once, FOX).serialize())
    assert Video(twice).provenance == FOX
    assert b"a cat" not in twice


def test_a_last_box_without_a_length_gets_one_before_the_record() -> None:
    data = bytearray(clip())
    last = list(boxes(bytes(data), 0, len(data)))[-1]
    struct.pack_into(">I", data, last.start, 0)
    whole = b"".join(Video(bytes(data), FOX).serialize())
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
        video.serialize()
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
    kind = video.preview().mime_type
    assert set(data) == {"text/plain", "text/html", kind}
    assert f"data:video/mp4;base64,{base64.b64encode(video.data).decode()}" in data["text/html"]
    assert "<video controls" in data["text/html"]
    assert "<fox>" not in data["text/html"]
    assert "local engine" in data["text/html"]
    assert metadata[kind]["alt"] == FOX.prompt
    assert data["text/plain"] == repr(video)


@functools.cache
def _lively(seconds: int, size: tuple[int, int] = (1280, 720)) -> bytes:
    """A film that needs many bytes: a drifting pattern, with a tone."""
    target, (width, height) = io.BytesIO(), size
    noise = np.random.default_rng(1).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=24, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        sound = file.add_stream("aac", rate=48_000, layout="mono")
        for index in range(24 * seconds):
            pixels = np.roll(noise, index, axis=1).repeat(8, 0).repeat(8, 1)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        file.mux(stream.encode(None))
        tone = np.sin(np.arange(48_000 * seconds, dtype=np.float32) / 20)[None]
        frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    return target.getvalue()


@pytest.fixture
def nothing_embedded() -> Iterator[None]:
    mt.configure(embed=0)
    yield
    mt.configure(embed=None)


def test_a_large_film_stands_in_the_page_as_a_preview() -> None:
    """So it plays in an export, which has no file beside it; and it has its words."""
    spoken = [[0.4, 0.9, "A <fox> --> speaks."]]
    video = Video(_lively(3), replace(FOX, notes={"captions": spoken}))
    html = video._repr_mimebundle_()[0]["text/html"]
    (film,) = re.findall(r'<video[^>]* src="data:video/mp4;base64,([^"]+)"', html)
    shown = Video(base64.b64decode(film))
    assert (shown.width, shown.height) == (640, 360)
    assert abs(shown.seconds - video.seconds) < 0.1
    assert len(shown.data) < len(video.data)
    assert "preview at 640×360" in html
    (track,) = re.findall(r'<track kind="captions"[^>]* src="data:text/vtt;base64,([^"]+)"', html)
    assert base64.b64decode(track).decode().startswith("WEBVTT\n")
    assert "A &lt;fox&gt; → speaks." in base64.b64decode(track).decode()
    assert Video(video.data).embedded() == video.embedded()


@pytest.mark.parametrize("most", [60_000, 20_000, 5_000])
def test_a_page_holds_no_more_of_a_film_than_is_configured(most: int) -> None:
    video = Video(_lively(3, (640, 360)))
    mt.configure(embed=most)
    try:
        film = video.embedded()
    finally:
        mt.configure(embed=None)
    assert film is None or len(film.data) <= most
    assert (film is None) == (most == 5_000)


@pytest.mark.parametrize("most", [-1, 10_000_001, 1.5, True, "2 MB"])
def test_what_is_no_budget_is_refused(most: Any) -> None:
    with pytest.raises(PromptError, match="from 0 to 10,000,000"):
        mt.configure(embed=most, proxy=None)
    assert Video(clip()).embedded() is not None


@pytest.mark.usefixtures("nothing_embedded")
def test_a_film_that_is_not_embedded_is_played_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my films").mkdir()
    video = replace(Video(clip(), FOX), path=tmp_path / "my films" / "fox.mp4")
    html = video._repr_mimebundle_()[0]["text/html"]
    assert 'src="my%20films/fox.mp4"' in html
    assert f'poster="data:{video.preview().mime_type};base64,' in html
    assert "data:video" not in html
    assert "This page plays the film when <a" in html


@pytest.mark.usefixtures("nothing_embedded")
def test_a_film_far_away_shows_its_first_picture_and_where_the_film_must_lie() -> None:
    video = replace(Video(clip(), FOX), path=Path("/films/fox.mp4"))
    data, _ = video._repr_mimebundle_()
    assert f'<img src="data:{video.preview().mime_type};base64,' in data["text/html"]
    assert (
        'plays the film when <a href="fox.mp4" target="_blank">fox.mp4</a> lies beside it'
        in (data["text/html"])
    )
    assert "/films" not in str(data)
    assert "data:video" not in data["text/html"]


def test_a_film_too_large_for_a_preview_is_shown_by_its_caption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mediatoolkit.media.frames._MOST_REDUCED", 100)
    video = Video(clip(), FOX)
    with pytest.raises(MediaError, match="too large"):
        video.preview()
    data, _ = video._repr_mimebundle_()
    assert set(data) == {"text/html", "text/plain"}
    assert "160×90" in data["text/html"]
    assert video.poster().width == 160


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
