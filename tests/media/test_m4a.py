"""M4A: the sound of phones, with its tags, in and out."""

import io
import struct
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance, Video, entries_in
from mediatoolkit.media.containers import m4a, mp4
from tests.media import readers
from tests.media.clips import clip, sound_alone

STORY = Provenance(model="local/hibari", prompt="Øl – 昔", engine="local")
av = readers.av
OTHER = Provenance(model="a/b", prompt="another", engine="a")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)


@cache
def sound(
    codec: str = "aac",
    rate: int = 44_100,
    layout: str = "stereo",
    kind: str = "ipod",
    movflags: str = "",
) -> bytes:
    """One second of a tone."""
    file = io.BytesIO()
    options = {"movflags": movflags} if movflags else {}
    with av.open(file, "w", format=kind, options=options) as box:
        box.metadata.update(title="Hello", artist="Me")
        stream = box.add_stream(codec, rate=rate, layout=layout)
        tone = np.sin(np.arange(rate) * 0.06).astype("f4") * np.float32(0.3)
        channels = len(av.AudioLayout(layout).channels)
        frame = av.AudioFrame.from_ndarray(np.tile(tone, (channels, 1)), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        context = stream.codec_context
        sizes = av.AudioResampler(context.format.name, layout, rate, context.frame_size or None)
        for part in (*sizes.resample(frame), *sizes.resample(None)):
            box.mux(stream.encode(part))
        box.mux(stream.encode(None))
    return file.getvalue()


FORMS = {
    "AAC": (sound(), 44_100, 2),
    "AAC of one channel": (sound("aac", 48_000, "mono"), 48_000, 1),
    "AAC of six channels": (sound("aac", 44_100, "5.1"), 44_100, 6),
    "ALAC": (sound("alac"), 44_100, 2),
    "ALAC beyond 65 kHz": (sound("alac", 96_000), 96_000, 2),
    "AC-3": (sound("ac3", 48_000, "5.1", "mp4"), 48_000, 6),
    "Opus": (sound("libopus", 48_000, "stereo", "mp4"), 48_000, 2),
    "MP3 inside": (sound("libmp3lame", 44_100, "stereo", "mp4"), 44_100, 2),
    "in fragments": (sound("aac", 44_100, "stereo", "mp4", "frag_keyframe+empty_moov"), 44_100, 2),
    "for streams": (sound("aac", 44_100, "stereo", "mp4", "dash"), 44_100, 2),
}


def in_front(data: bytes) -> bytes:
    """The same with `moov` before the sound, as servers have it; all offsets move."""
    parts = {box.kind: data[box.start : box.end] for box in mp4.boxes(data, 0, len(data))}
    moov = bytearray(parts[b"moov"])
    at = moov.index(b"stco") + 8
    old = data.index(parts[b"mdat"])
    shift = len(parts[b"ftyp"]) + len(moov) - old
    (count,) = struct.unpack_from(">I", moov, at)
    for place in range(at + 4, at + 4 + 4 * count, 4):
        struct.pack_into(">I", moov, place, struct.unpack_from(">I", moov, place)[0] + shift)
    return parts[b"ftyp"] + bytes(moov) + parts[b"mdat"]


@cache
def covered() -> bytes:
    """With a cover, by mutagen."""
    file = io.BytesIO(sound())
    tags = readers.mp4.MP4(file)
    tags["covr"] = [readers.mp4.MP4Cover(PNG, readers.mp4.MP4Cover.FORMAT_PNG)]
    tags["----:com.example:mood"] = [b"calm"]
    file.seek(0)
    tags.save(file)
    return file.getvalue()


FILES = {name: data for name, (data, *_) in FORMS.items()} | {
    "with a cover": covered(),
    "moov in front": in_front(sound()),
    "a few bytes behind": sound() + bytes(4),
    "text behind": sound() + b"<html>not found</html>",
    "mdat up to the end": in_front(sound()).replace(
        struct.pack(">I", len(in_front(sound())) - in_front(sound()).index(b"mdat") + 4) + b"mdat",
        bytes(4) + b"mdat",
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_facts_come_from_the_boxes_and_agree_with_the_samples(name: str) -> None:
    data, rate, channels = FORMS[name]
    audio = Audio(data)
    assert (audio.mime_type, audio.extension) == ("audio/mp4", ".m4a")
    assert (audio.sample_rate, audio.channels) == (rate, channels)
    assert audio.seconds == pytest.approx(1, abs=0.03)
    assert audio.samples.shape == (pytest.approx(audio.facts.frames, abs=300), channels)
    assert np.abs(audio.samples).max() == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("name", ["AAC", "ALAC", "Opus", "MP3 inside"])
def test_what_the_encoder_added_is_not_counted(name: str) -> None:
    assert Audio(FILES[name]).seconds == 1


@pytest.mark.parametrize("name", FILES)
def test_saving_with_a_record_keeps_what_every_reader_reads(name: str, tmp_path: Path) -> None:
    file = FILES[name]
    plain, path = tmp_path / "plain.m4a", tmp_path / "ours.m4a"
    plain.write_bytes(file)

    once = Audio(file, STORY).save(path).read_bytes()

    assert Audio.open(path).provenance == STORY
    assert not readers.changes(plain, path)
    assert readers.packets_of(once, "mp4") == readers.packets_of(file, "mp4")
    twice = b"".join(Audio(once, OTHER).serialize())
    assert b"hibari" not in twice
    assert Audio(twice).provenance == OTHER


def test_a_record_survives_another_program_that_writes_tags(tmp_path: Path) -> None:
    path = Audio(covered(), STORY).save(tmp_path / "a.m4a")
    tags = readers.mutagen.File(path)
    tags["\xa9nam"] = ["A much longer title " * 500]
    tags.save()
    assert Audio.open(path).provenance == STORY
    assert (Audio.open(path).samples == Audio(sound()).samples).all()


@pytest.mark.parametrize("ending", [".wav", ".mp3", ".ogg", ".flac"])
def test_it_is_converted_to_and_fro(ending: str, tmp_path: Path) -> None:
    there = Audio.open(Audio(sound(), STORY).save(tmp_path / f"a{ending}"))
    back = Audio.open(there.save(tmp_path / "b.m4a"))
    assert (there.extension, back.mime_type) == (ending, "audio/mp4")
    assert back.seconds == pytest.approx(1, abs=0.001)
    assert back.provenance == STORY
    assert np.abs(back.samples).max() == pytest.approx(0.3, abs=0.05)


def test_it_is_taken_and_shown_like_any_sound(tmp_path: Path) -> None:
    path = Audio(sound(), STORY).save(tmp_path / "memo")
    assert path.name == "memo.m4a"
    for thing in (sound(), path, str(path)):
        assert Audio.of(thing).seconds == 1
    html = Audio.open(path)._repr_mimebundle_()[0]["text/html"]
    assert 'src="data:audio/mp4;base64,' in html


@given(st.floats(0, 0.999))
def test_sound_cut_anywhere_is_refused(share: float) -> None:
    for data in (sound(), in_front(sound()), covered()):
        with pytest.raises(MediaError):
            Audio(data[: int(len(data) * share)])


@given(st.data())
def test_a_flipped_bit_is_refused_or_still_decodes(data: st.DataObject) -> None:
    whole = bytearray(in_front(sound()))
    head = whole.index(b"mdat") + 40
    whole[data.draw(st.integers(4, head))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        audio = Audio(bytes(whole))
        decoded = audio.samples
    except MediaError:
        return
    assert decoded.shape[1] == audio.channels


def test_a_film_stays_a_film_and_each_says_what_takes_the_other() -> None:
    with pytest.raises(MediaError, match=r"is a film .* Video\.open"):
        Audio(clip())
    with pytest.raises(MediaError, match=r"no moving pictures; Audio\.open"):
        Video(sound())
    assert Audio(sound_alone()).seconds == pytest.approx(0.5, abs=0.03)


def test_a_folder_tells_sound_from_films(tmp_path: Path) -> None:
    Audio(sound(), STORY).save(tmp_path / "a.m4a")
    (tmp_path / "b.mp4").write_bytes(sound_alone())
    Video(clip(), STORY).save(tmp_path / "c.mp4")
    kinds = {entry.path.name: entry for entry in entries_in(tmp_path, 9) if entry.path}
    assert {name: entry.kind for name, entry in kinds.items()} == {
        "a.m4a": Audio,
        "b.mp4": Audio,
        "c.mp4": Video,
    }
    assert kinds["a.m4a"].provenance == kinds["c.mp4"].provenance == STORY


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (sound().replace(b"mp4a", b"enca"), "copy-protected"),
        (sound().replace(b"M4A ", b"qt  "), "QuickTime"),
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic" + bytes(8), "HEIC"),
        (b"\xff\xf1\x50\x80\x02\x1f\xfc", "AAC, not .* save it as"),
        (b"ID3\4\0\0\0\0\0\0\xff\xf1\x50\x80\x02\x1f\xfc", "AAC, not"),
    ],
)
def test_what_is_not_taken_is_named(data: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        Audio(data)


@pytest.mark.parametrize(
    ("config", "rate", "channels"),
    [
        ("1210", 44_100, 2),  # plain
        ("1190", 48_000, 2),
        ("2b920800", 44_100, 2),  # 22,050 Hz, doubled by spectral band replication
        ("eb8a0800", 44_100, 2),  # the same with one channel made two
        ("178056220008", 12_345, 1),
    ],
)
def test_the_form_of_aac_is_read_bit_by_bit(config: str, rate: int, channels: int) -> None:
    if rate == 12_345:  # a rate in full
        number = 2 << 35 | 15 << 31 | rate << 7 | 1 << 3
        config = f"{number:010x}"
    raw = bytes.fromhex(config)
    decoder = b"\x04" + bytes([13 + 2 + len(raw)]) + b"\x40" + bytes(12)
    stream = b"\x03" + bytes([3 + len(decoder) + 2 + len(raw)]) + bytes(3)
    esds = bytes(4) + stream + decoder + b"\x05" + bytes([len(raw)]) + raw
    assert m4a._of_aac(esds, m4a._Form(8_000, 6))[:2] == (rate, channels)
