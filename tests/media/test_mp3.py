"""MP3 as others write it: tags of every kind stay, and what players play is taken."""

import io
import struct
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance
from mediatoolkit.media.containers import mp3 as container
from mediatoolkit.media.containers import tags
from tests.media import readers

RATE = 44_100
STORY = Provenance(model="local/hibari", prompt="Øl – 昔", engine="local")
OTHER = Provenance(model="a/b", prompt="another", engine="a")


@cache
def mp3(
    seconds: float = 1.0,
    *,
    head: bool = True,
    rate: int = RATE,
    vbr: bool = False,
    layout: str = "mono",
) -> bytes:
    """A tone without any tag."""
    options = {"id3v2_version": "0", "write_xing": str(int(head))}
    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options=options) as box:
        stream = box.add_stream("libmp3lame", rate=rate, layout=layout)
        if vbr:
            stream.codec_context.qscale = True
            stream.codec_context.global_quality = 4 * 118
        time = np.arange(round(seconds * rate)) / rate
        noise = np.random.default_rng(1).uniform(-0.2, 0.2, len(time)) * (time % 0.5)
        wave = ((0.3 * np.sin(2 * np.pi * 440 * time) + noise) * 32_767).astype("<i2")[None]
        frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        frame.sample_rate = rate
        for part in av.AudioResampler("s16p", layout, rate).resample(frame):
            box.mux(stream.encode(part))
        box.mux(stream.encode(None))
    return file.getvalue()


def syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def plain(number: int) -> bytes:
    return struct.pack(">I", number)


def tag(version: int, flags: int, body: bytes, *, kind: bytes = b"ID3") -> bytes:
    return kind + bytes([version, 0, flags]) + syncsafe(len(body)) + body


def frame(
    name: bytes, content: bytes, size: Callable[[int], bytes] = syncsafe, flags: bytes = b"\0\0"
) -> bytes:
    return name + size(len(content)) + flags + content


def frame_2(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(3) + content


def unsynchronised(data: bytes) -> bytes:
    out = bytearray()
    for byte, after in pairwise(data + b"\1"):
        out.append(byte)
        if byte == 255 and (after >= 0xE0 or after == 0):
            out.append(0)
    return bytes(out)


def v1(title: bytes = b"Old title", track: int = 7) -> bytes:
    fields = title.ljust(30, b"\0") + b"Old artist".ljust(30, b"\0") + b"Old album".ljust(30, b"\0")
    return b"TAG" + fields + b"1999" + b"Old comment".ljust(28, b"\0") + bytes([0, track, 17])


def ape_item(key: bytes, value: bytes) -> bytes:
    return struct.pack("<II", len(value), 0) + key + b"\0" + value


def ape_tag(*items: bytes, version: int = 2000) -> bytes:
    body, has_header = b"".join(items), 1 << 31 if version == 2000 else 0
    ends = struct.pack("<8sIII", b"APETAGEX", version, len(body) + 32, len(items))
    head = ends + struct.pack("<I", has_header | 1 << 29) + bytes(8) if has_header else b""
    return head + body + ends + struct.pack("<I", has_header) + bytes(8)


COVER = b"\0image/png\0\3\0" + np.random.default_rng(1).bytes(3_000)
COVER_2 = b"\0PNG\3\0" + b"\xff\0\xff\xff\xe0" * 400
HELLO = b"\0Hello"
LONG = b"\0" + b"Hello " * 50
SYNCED = frame(b"APIC", COVER) + frame(b"TIT2", HELLO)
V3 = frame(b"APIC", COVER, plain) + frame(b"TIT2", LONG, plain)
V2 = frame_2(b"TT2", HELLO) + frame_2(b"TP1", b"\0Me") + frame_2(b"PIC", COVER_2)
LYRICS = b"LYRICSBEGININD0000200LYR00005Hello"
LYRICS_3 = LYRICS + b"%06dLYRICS200" % len(LYRICS)
EXTENDED_4 = b"\0\0\0\6\1\0"
EXTENDED_3 = plain(6) + b"\0\0" + plain(0)
PER_FRAME = unsynchronised(COVER)
UNSYNCED_FRAME = frame(b"APIC", syncsafe(len(COVER)) + PER_FRAME, flags=b"\0\3")
ZIPPED = frame(b"TIT3", b"\0\0\0\1" + b"opaque", flags=b"\0\x0d")

BEFORE = {
    "nothing": b"",
    "v2.2": tag(2, 0, V2),
    "v2.2 unsynchronised": tag(2, 0x80, unsynchronised(V2)),
    "v2.3": tag(3, 0, V3 + bytes(99)),
    "v2.3 unsynchronised": tag(3, 0x80, unsynchronised(V3)),
    "v2.3 with an extended head": tag(3, 0x40, EXTENDED_3 + V3),
    "v2.3 with names of iTunes": tag(3, 0, frame(b"TS2\0", HELLO, plain) + V3),
    "v2.4": tag(4, 0, SYNCED),
    "v2.4 said to be unsynchronised": tag(4, 0x80, frame(b"TIT2", HELLO)),
    "v2.4 unsynchronised with a cover": tag(4, 0x80, UNSYNCED_FRAME + frame(b"TIT2", LONG)),
    "v2.4 unsynchronised by its head alone": tag(4, 0x80, frame(b"APIC", PER_FRAME) + SYNCED[-16:]),
    "v2.4 with an extended head": tag(4, 0x40, EXTENDED_4 + SYNCED),
    "v2.4 with a flag for none": tag(4, 0x40, SYNCED),
    "v2.4 with a footer": tag(4, 0x10, SYNCED) + tag(4, 0x10, SYNCED, kind=b"3DI")[:10],
    "v2.4 with a frame nobody reads": tag(4, 0, ZIPPED + SYNCED),
    "padding behind the tag": tag(3, 0, V3) + bytes(700),
    "one that was hidden": tag(3, 0, V3) + tag(2, 0, V2),
    "two tags": tag(3, 0, V3) + tag(4, 0, frame(b"TPE1", b"\0Other")),
    "a tag that does not end well": tag(3, 0, V3 + b"\x01junk behind the frames"),
    "a frame longer than its tag": tag(3, 0, V3 + b"TPE1" + plain(99_999) + b"\0\0\0Me"),
    "a tag of tomorrow": tag(5, 0, b"\1\2\3\4" * 20),
    "flags of tomorrow": tag(4, 1, SYNCED),
}
BEHIND = {
    "nothing": b"",
    "v1": v1(),
    "v1.0 without a track": v1(b"Short", 0),
    "v1 without a year": v1().replace(b"1999", bytes(4)),
    "two of v1": v1() + v1(),
    "APE": ape_tag(ape_item(b"Title", b"Ape"), ape_item(b"Artist", b"Ape too")),
    "APE and v1": ape_tag(ape_item(b"Title", b"Ape")) + v1(),
    "APEv1": ape_tag(ape_item(b"Title", b"Ape"), version=1000),
    "Lyrics3 and v1": LYRICS_3 + v1(),
    "APE, Lyrics3 and v1": ape_tag(ape_item(b"Title", b"Ape")) + LYRICS_3 + v1(),
    "v1 behind zeros": bytes(300) + v1(),
    "v2.4 at the end": tag(4, 0x10, SYNCED) + tag(4, 0x10, SYNCED, kind=b"3DI")[:10],
}
TAGGED = [(before, "nothing") for before in BEFORE] + [
    (before, behind)
    for before in ("nothing", "v2.2", "v2.3", "a tag that does not end well")
    for behind in BEHIND
    if behind != "nothing"
]


def sound_of(data: bytes) -> list[bytes]:
    """The frames, without the tags that FFmpeg takes for some."""
    return [packet for packet in readers.packets_of(data, "mp3") if packet.startswith(b"\xff")]


def saved(audio: Audio, path: Path) -> bytes:
    return audio.save(path).read_bytes()


@pytest.mark.parametrize(("before", "behind"), TAGGED)
def test_saving_with_a_record_keeps_what_every_reader_reads(
    before: str, behind: str, tmp_path: Path
) -> None:
    file = BEFORE[before] + mp3() + BEHIND[behind]
    plain_path, path = tmp_path / "plain.mp3", tmp_path / "ours.mp3"
    plain_path.write_bytes(file)

    once = saved(Audio(file, STORY), path)

    assert Audio(once).provenance == STORY
    assert not readers.changes(plain_path, path)
    assert sound_of(once) == sound_of(file)
    assert once.endswith(BEHIND[behind].rpartition(b"APETAGEX")[2][24:].lstrip(b"\0"))


@pytest.mark.parametrize(("before", "behind"), TAGGED)
def test_a_second_record_takes_the_place_of_the_first(before: str, behind: str) -> None:
    file = BEFORE[before] + mp3() + BEHIND[behind]
    once = b"".join(Audio(file, STORY).serialize())

    twice = b"".join(Audio(once, OTHER).serialize())

    assert Audio(twice).provenance == OTHER
    assert b"hibari" not in twice.replace(b"\0", b"")
    assert twice == b"".join(Audio(file, OTHER).serialize())


@pytest.mark.parametrize(("before", "behind"), TAGGED)
def test_a_file_without_a_record_is_saved_as_it_came(
    before: str, behind: str, tmp_path: Path
) -> None:
    file = BEFORE[before] + mp3() + BEHIND[behind]
    assert saved(Audio(file), tmp_path / "a.mp3") == file


@pytest.mark.parametrize("name", [name for name in BEFORE if name.startswith("v2.")])
def test_a_tag_that_can_be_read_gets_the_record_and_stays_the_only_one(name: str) -> None:
    whole = b"".join(Audio(BEFORE[name] + mp3(), STORY).serialize())
    assert [len(tag.frames) for tag in tags.id3_tags(whole)] == [
        1 + len(tag.frames) for tag in tags.id3_tags(BEFORE[name])
    ]
    assert b"APETAGEX" not in whole


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_letters_of_an_old_tag_stay_readable(encoding: str, tmp_path: Path) -> None:
    """It does not say how they are written; UTF-8 is hardly ever by chance."""
    file = mp3() + v1("Grüße".encode(encoding))
    path = Audio(file, STORY).save(tmp_path / "a.mp3")
    assert readers.by_ffmpeg(path)["title"] == "Grüße"
    assert readers.mutagen.File(path)["TIT2"].text == ["Grüße"]


@pytest.mark.parametrize(("version", "frames"), [(3, SYNCED), (4, V3)])
def test_sizes_of_the_wrong_version_are_put_right(
    version: int, frames: bytes, tmp_path: Path
) -> None:
    """As iTunes wrote them in version 2.4; readers made different things of them."""
    path = Audio(tag(version, 0, frames) + mp3(), STORY).save(tmp_path / "a.mp3")
    assert readers.mutagen.File(path)["TIT2"].text[0].startswith("Hello")
    assert readers.mutagen.File(path)["APIC:"].data == COVER[13:]
    assert readers.by_tinytag(path)["title"].startswith("Hello")


def test_a_tag_that_an_older_version_hid_is_seen_again(tmp_path: Path) -> None:
    """Version 0.1.0 put its own tag before one of ID3v2.2."""
    content = b"\1" + "mediatoolkit".encode("utf-16") + b"\0\0" + OTHER.to_json().encode("utf-16")
    hidden = tag(4, 0, frame(b"TXXX", content)) + BEFORE["v2.2"] + mp3()
    path = tmp_path / "a.mp3"
    assert Audio(hidden).provenance == OTHER

    whole = saved(Audio(hidden, STORY), path)

    assert whole == b"".join(Audio(BEFORE["v2.2"] + mp3(), STORY).serialize())
    assert "TIT2" in readers.by_mutagen(path)


@pytest.mark.parametrize("version", [3, 4])
def test_a_record_survives_another_program_that_writes_tags(version: int, tmp_path: Path) -> None:
    path = Audio(tag(3, 0, V3) + mp3(), STORY).save(tmp_path / "a.mp3")
    edited = readers.mutagen.File(path)
    edited.tags["TIT2"].text = ["Changed"]
    edited.save(v2_version=version)

    assert Audio.open(path).provenance == STORY
    again = Audio(path.read_bytes(), OTHER).save(tmp_path / "b.mp3")
    assert b"hibari" not in again.read_bytes().replace(b"\0", b"")


def test_the_first_bytes_tell_the_record_before_a_large_cover() -> None:
    """A gallery reads no further."""
    large = tag(3, 0, frame(b"APIC", COVER * 30, plain))
    whole = b"".join(Audio(large + mp3(), STORY).serialize())
    assert container.read_record(whole[:32_768]) == STORY


@given(st.binary(max_size=400), st.integers(0, 255), st.integers(0, 7))
def test_no_tag_loses_a_byte_or_hides_a_record(noise: bytes, flags: int, version: int) -> None:
    """Whatever the tag holds: it is read and kept, or left alone."""
    file = tag(version, flags, noise) + mp3()
    whole = b"".join(Audio(file, STORY).serialize())
    assert Audio(whole).provenance == STORY
    read = next(tags.id3_tags(file))
    if read.is_whole:
        assert next(tags.id3_tags(whole)).frames[1:] == read.frames
    else:
        assert whole.startswith(read.data)


BARE = mp3(head=False)
JUNK = np.random.default_rng(2).bytes(900)
PLAYED = {
    "two joined, each with tag and head": (tag(3, 0, V3) + mp3()) * 2,
    "two joined, each with a head": mp3() * 2,
    "two joined, each with ID3v1": (mp3() + v1()) * 2,
    "two joined, bare": BARE * 2,
    "a head first and bare frames after": mp3() + BARE,
    "the first cut and the second whole": BARE[:-50] + BARE,
    "zeros between tag and sound": tag(3, 0, V3 + bytes(128)) + bytes(512) + BARE,
    "zeros first": bytes(300) + BARE,
    "zeros before a head": bytes(300) + mp3(),
    "junk first": JUNK + BARE,
    "junk between": BARE + JUNK + BARE,
    "a capture that begins within a frame": BARE[37:],
    "the last frame cut": BARE[:-50],
    "the last frame cut, the head says so": mp3()[:-50],
    "zeros at the end": BARE + bytes(512),
    "variable bit rate": mp3(3.0, vbr=True),
    "variable bit rate without a head": mp3(3.0, vbr=True, head=False),
}


@pytest.mark.parametrize("name", PLAYED)
def test_what_players_play_is_taken_with_the_right_length(name: str) -> None:
    data = PLAYED[name]
    audio = Audio(data)
    frame_seconds = 1_152 / RATE
    ffmpeg = readers.seconds_by_ffmpeg(data, "mp3")
    assert audio.seconds == pytest.approx(ffmpeg, abs=1.5 * frame_seconds)
    assert len(audio.samples) == pytest.approx(audio.seconds * RATE, abs=2 * 1_152)
    assert Audio(b"".join(Audio(data, STORY).serialize())).seconds == audio.seconds


def test_a_count_of_frames_that_is_one_too_many_is_no_cut() -> None:
    """Some encoders count the head as well."""
    at = mp3().index(b"Info") + 8
    count = int.from_bytes(mp3()[at : at + 4])
    assert Audio(mp3()[:at] + plain(count + 1) + mp3()[at + 4 :]).seconds == pytest.approx(
        1, abs=0.03
    )


def vbri(count: int) -> bytes:
    """The head of Fraunhofer's encoder, in a frame of its own."""
    length = 144 * 128_000 // RATE
    words = b"VBRI" + struct.pack(">HHHII", 1, 0, 75, length * count, count)
    return (b"\xff\xfb\x90\xc4" + bytes(32) + words).ljust(length, b"\0")


def test_the_head_of_another_encoder_is_no_sound() -> None:
    count = Audio(BARE).facts.frames // 1_152
    data = vbri(count) + BARE
    assert Audio(data).facts.frames == 1_152 * count
    assert Audio(data).seconds == pytest.approx(readers.seconds_by_ffmpeg(data, "mp3"), abs=0.03)


@pytest.mark.parametrize("whole", [mp3(), vbri(200) + BARE], ids=["Info", "VBRI"])
def test_half_a_file_is_refused_by_its_own_head(whole: bytes) -> None:
    with pytest.raises(MediaError, match=r"cut short .* its head counts \d+ frames, and \d+ are"):
        Audio(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "part", [mp3(rate=24_000), mp3(layout="stereo")], ids=["another rate", "more channels"]
)
def test_parts_of_another_form_are_heard_as_well(part: bytes) -> None:
    audio = Audio(mp3() + part)
    assert (audio.sample_rate, audio.channels) == (RATE, 1)
    assert audio.seconds == pytest.approx(2, abs=0.1)
    assert len(audio.samples) == pytest.approx(audio.facts.frames, abs=1_200)
    assert np.abs(audio.samples[-RATE // 2 :]).max() > 0.2


def test_layer_2_is_named() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp2") as box:
        stream = box.add_stream("mp2", rate=RATE, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4_608), "<i2"), "s16", "mono")
        silence.sample_rate = RATE
        box.mux(stream.encode(silence))
        box.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"MP2, not .* save it as"):
        Audio(file.getvalue())


@given(st.integers(0, 1_000))
def test_noise_is_no_sound(seed: int) -> None:
    """Among 64 kB there are some bytes that look like a frame, and a zero behind it at times."""
    noise = np.random.default_rng(seed).bytes(65_536)
    with pytest.raises(MediaError):
        Audio(noise)


def test_false_starts_end_the_search() -> None:
    """Else a crafted file would hold the loop; each head here leads to none."""
    crafted = b"ID3\3\0\0\0\0\0\0" + b"\xff\xfb\x90\0" * 500_000
    with pytest.raises(MediaError):
        Audio(crafted)
    assert next(container._rows(crafted, 10), None) is None
