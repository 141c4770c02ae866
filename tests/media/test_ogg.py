"""Ogg as others write it: chains, streams without an end, other streams beside the sound."""

import io
import struct
from fractions import Fraction
from functools import cache
from typing import Any

import mutagen
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance, codec
from mediatoolkit.media.containers import ogg

RATE = 48_000
STORY = Provenance(model="local/hibari", prompt="Once upon", engine="local")
LONG = Provenance(model="m", prompt="p", engine="a", notes={"text": "x" * 65_300})
RECORDS = (STORY, LONG)
"""The second, of nearly 64 KiB, takes two pages, and all that follow get new numbers."""

assert len(LONG.to_json()) > 255 * 255

CODECS = ("opus", "vorbis", "flac")


@cache
def sound(name: str, *, seconds: float = 1.5, channels: int = 1, rate: int = RATE) -> bytes:
    """A rising tone in noise, with comments of its own."""
    time = np.arange(round(seconds * rate)) / rate
    wave = np.sin(2 * np.pi * (300 + 200 * time) * time) * 0.4
    wave += np.random.default_rng(1).uniform(-0.2, 0.2, len(wave))  # takes more than one page
    samples = np.stack([wave * (n + 1) / channels for n in range(channels)], 1)
    if name == "flac":
        return _muxed(samples, rate)
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, channels, name.upper(), format="OGG") as writer:
        writer.title = "Title"
        writer.write(samples)
    return file.getvalue()


def _muxed(samples: Any, rate: int) -> bytes:
    """FLAC in Ogg, as FFmpeg writes it."""
    av = codec.load_av()
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        container.metadata["title"] = "Title"
        stream = container.add_stream("flac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples.T * 2**15).astype(np.int16), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def right(data: bytes) -> npt.NDArray[np.float32]:
    """The samples after libsndfile, which does not know FFmpeg's FLAC in Ogg: after FFmpeg."""
    samples: npt.NDArray[np.float32]
    if b"\x7fFLAC" in data[:40]:
        with codec.load_av().open(io.BytesIO(data)) as file:
            parts = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
        return (np.concatenate(parts)[:, None] / 2**15).astype(np.float32)
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return samples


def pages(data: bytes) -> list[bytearray]:
    """A cutter of its own."""
    parts = []
    while data:
        size = 27 + data[26] + sum(data[27 : 27 + data[26]])
        parts.append(bytearray(data[:size]))
        data = data[size:]
    return parts


def joined(parts: list[bytearray]) -> bytes:
    """The pages with their checksums."""
    for page in parts:
        page[22:26] = bytes(4)
        page[22:26] = struct.pack("<I", ogg._checksum(bytes(page)))
    return b"".join(parts)


def endless(data: bytes) -> bytes:
    """The same without the mark of its last page."""
    parts = pages(data)
    parts[-1][5] &= ~4
    return joined(parts)


def later(data: bytes, shift: int, *, numbers: int = 0) -> bytes:
    """The same with positions that begin elsewhere, as in the recording of a radio station."""
    parts = pages(data)
    for page in parts:
        (position,) = struct.unpack_from("<q", page, 6)
        if position > 0:
            struct.pack_into("<q", page, 6, position + shift)
            struct.pack_into("<I", page, 18, struct.unpack_from("<I", page, 18)[0] + numbers)
    return joined(parts)


def beside(data: bytes, first: bytes) -> bytes:
    """The same with a second stream, such as a picture, whose pages lie among the others."""
    head, *rest = pages(data)

    def page(number: int, flags: int, content: bytes) -> bytearray:
        lacing = b"\xff" * (len(content) // 255) + bytes([len(content) % 255])
        fields = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, 7, number, 0, len(lacing))
        return bytearray(fields + lacing + content)

    other = [page(0, 2, first), page(1, 0, b"second" * 50), page(2, 4, b"third")]
    return joined([other[0], head, other[1], rest[0], other[2], *rest[1:]])


def saved(data: bytes) -> bytes:
    return b"".join(Audio(data, provenance=STORY).serialize())


def written(data: bytes, record: Provenance) -> bytes:
    return b"".join(ogg.with_record(data, record))


@pytest.mark.parametrize("name", CODECS)
def test_a_stream_without_an_end_is_whole(name: str) -> None:
    audio = Audio(endless(sound(name)))
    assert audio.seconds == pytest.approx(1.5, abs=0.06)
    assert len(audio.samples) == audio.facts.frames
    assert np.abs(audio.samples[:72_000] - right(sound(name))).max() < 1e-3
    assert Audio(saved(audio.data)).provenance == STORY


@pytest.mark.parametrize("name", CODECS)
def test_a_stream_that_ends_within_a_page_was_cut(name: str) -> None:
    for data in (endless(sound(name))[:-1], sound(name)[:-1], endless(sound(name)) + b"rubbish"):
        with pytest.raises(MediaError, match="cut short"):
            Audio(data)


@pytest.mark.parametrize("shift", [64, 1_000, 5_000_000_000])
@pytest.mark.parametrize("name", ["opus", "vorbis"])
def test_a_recording_lasts_as_long_as_its_sound(name: str, shift: int) -> None:
    """Its positions and the numbers of its pages go on from where the station was."""
    audio = Audio(endless(later(sound(name), shift, numbers=9)))
    whole = Audio(endless(sound(name)))
    assert audio.facts.frames == whole.facts.frames
    assert np.abs(audio.samples - whole.samples).max() < 1e-6


def test_a_beginning_that_is_left_out_is_not_heard() -> None:
    """In Vorbis, positions that count less than the packets hold say so."""
    audio = Audio(later(sound("vorbis"), -500))
    whole = Audio(sound("vorbis"))
    assert audio.facts.frames == len(audio.samples) == whole.facts.frames - 500
    assert np.abs(audio.samples - whole.samples[500:]).max() < 1e-6
    assert len(right(audio.data)) == len(audio.samples)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
@pytest.mark.parametrize("frames", [1_000, 22_057, 120_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_vorbis_gives_every_sample(rate: int, frames: int, channels: int) -> None:
    audio = Audio(sound("vorbis", seconds=frames / rate, channels=channels, rate=rate))
    assert audio.samples.shape == (frames, channels)
    assert np.abs(audio.samples - right(audio.data)).max() < 1e-5


@pytest.mark.parametrize("second", CODECS)
@pytest.mark.parametrize("first", CODECS)
def test_all_links_of_a_chain_count(first: str, second: str) -> None:
    data = sound(first) + sound(second) + sound(first)
    audio = Audio(data)
    assert audio.data == data
    assert audio.seconds == 4.5
    assert len(audio.samples) == audio.facts.frames == 4.5 * RATE
    parts = [Audio(sound(name)).samples for name in (first, second, first)]
    assert np.abs(audio.samples - np.concatenate(parts)).max() < 1e-5
    for record in RECORDS:
        once = written(data, record)
        assert once.endswith(sound(second) + sound(first))
        assert ogg.read_record(once) == record
        assert (Audio(once).samples == audio.samples).all()
        assert written(once, record) == once


def test_links_of_other_rates_and_channels_are_heard_like_the_first() -> None:
    data = sound("opus") + sound("vorbis", channels=2, rate=24_000)
    audio = Audio(data)
    assert (audio.channels, audio.sample_rate, audio.seconds) == (1, RATE, 3)
    assert len(audio.samples) == pytest.approx(3 * RATE, abs=50)
    assert np.abs(audio.samples[72_000:]).max() > 0.2


@pytest.mark.parametrize("name", CODECS)
def test_a_hole_is_no_chain(name: str) -> None:
    data = bytearray(sound(name) * 2)
    data[data.rfind(b"OggS", 0, len(data) // 2 + 100)] ^= 1
    with pytest.raises(MediaError, match="cut short"):
        Audio(bytes(data))


@pytest.mark.parametrize("name", CODECS)
def test_a_page_that_is_missing_is_noticed(name: str) -> None:
    parts = pages(sound(name, seconds=6))
    assert len(parts) > 5
    with pytest.raises(MediaError, match="cut short"):
        Audio(joined(parts[:-2] + parts[-1:]))


@pytest.mark.parametrize("first", [b"fishead\0" + bytes(56), b"\x80theora" + bytes(35), b"?"])
@pytest.mark.parametrize("name", CODECS)
def test_other_streams_stay_beside_the_sound(name: str, first: bytes) -> None:
    data = beside(sound(name), first)
    audio = Audio(data)
    assert audio.facts.frames == Audio(sound(name)).facts.frames
    assert np.abs(audio.samples - Audio(sound(name)).samples).max() < 1e-5
    for record in RECORDS:
        once = written(data, record)
        assert ogg.read_record(once) == record
        assert Audio(once).facts.frames == audio.facts.frames
        theirs = [bytes(page) for page in pages(once) if page[14:18] == b"\7\0\0\0"]
        assert theirs == [bytes(page) for page in pages(data) if page[14:18] == b"\7\0\0\0"]


@pytest.mark.parametrize("name", CODECS)
def test_tags_stay_as_another_reader_sees_them(name: str) -> None:
    once = saved(sound(name))
    tags = mutagen.File(io.BytesIO(once)).tags
    assert tags["title"] == ["Title"]
    assert (right(once) == right(sound(name))).all()
    again = mutagen.File(io.BytesIO(written(once, RECORDS[1]))).tags
    assert again["title"] == ["Title"]


@pytest.mark.parametrize(
    ("first", "words"),
    [(b"\x80theora" + bytes(35), "Theora"), (b"CELT    ", "CELT"), (b"?", "unknown data")],
)
def test_an_ogg_without_sound_is_named_with_the_way_out(first: bytes, words: str) -> None:
    parts = pages(beside(sound("opus"), first))
    with pytest.raises(MediaError, match=f"This Ogg holds .*{words}.*convert it"):
        Audio(joined([page for page in parts if page[14:18] == b"\7\0\0\0"]))


def speex(frames: int) -> bytes:
    """The head of a Speex file in Ogg, and packets of noise."""
    form = struct.pack(
        "<8s20siiiiiiiiiiiii", b"Speex   ", b"1", 1, 80, 8_000, 0, 4, 1, *[-1, 160, 0, 1, 0, 0, 0]
    )
    tags = struct.pack("<I", 4) + b"test" + struct.pack("<I", 1) + struct.pack("<I", 7) + b"TITLE=x"
    packets = [form, tags, *[bytes([0x1D, 0x9D]) + bytes(36)] * (frames // 160)]
    parts = []
    for number, packet in enumerate(packets):
        flags = 2 if not number else 4 if number == len(packets) - 1 else 0
        position = max(0, number - 1) * 160
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 5, number, 0, 1)
        parts.append(bytearray(head + bytes([len(packet)]) + packet))
    return joined(parts)


def test_speex_is_taken() -> None:
    audio = Audio(speex(1_600))
    assert (audio.sample_rate, audio.channels, audio.facts.frames) == (8_000, 1, 1_600)
    assert len(audio.samples) <= 1_600
    once = saved(audio.data)
    assert Audio(once).provenance == STORY
    assert mutagen.File(io.BytesIO(once)).tags["title"] == ["x"]
