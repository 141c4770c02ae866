"""Sound: types by their bytes, samples to and fro, provenance in the file, small previews."""

import io
import math
import struct
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.errors import MediaError, MissingExtraError, StorageError
from mediatoolkit.media import Audio, Caption, Captions, Provenance, codec, concatenate
from mediatoolkit.media.containers import wav

RATE = 24_000
FORMATS = ("audio/wav", "audio/mpeg", "audio/ogg", "audio/flac")
ENDINGS = {".wav": FORMATS[0], ".mp3": FORMATS[1], ".ogg": FORMATS[2], ".flac": FORMATS[3]}
STORY = Provenance(
    model="local/hibari",
    prompt='Once <b> & "upon" – 昔 ]]>',
    engine="local",
    options={"voice": "deep"},
    notes={"captions": [[0.0, 0.5, "Once <b>"], [0.5, 1.0, "& upon"]]},
)


def tone(
    seconds: float = 1.0, rate: int = RATE, *, hertz: float = 440.0, level: float = 0.5
) -> npt.NDArray[np.float32]:
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@cache
def encoded(mime_type: str, channels: int = 1, rate: int = RATE) -> bytes:
    samples = np.stack([tone(rate=rate, hertz=440 * (n + 1)) for n in range(channels)], axis=1)
    if mime_type == "audio/wav":
        return wav.encode(samples, rate)
    return codec.encode(samples, rate, mime_type)


def wav_of(samples: npt.NDArray[Any], code: int, bits: int, rate: int = RATE) -> bytes:
    """A WAV of one channel, written by hand."""
    block = bits // 8
    pcm = samples.tobytes()
    form = struct.pack("<HHIIHH", code, 1, rate, rate * block, block, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(pcm)) + pcm
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mime_type", FORMATS)
def test_facts_come_from_the_bytes_and_agree_with_the_samples(
    mime_type: str, channels: int
) -> None:
    audio = Audio(encoded(mime_type, channels))
    assert audio.mime_type == mime_type
    assert (audio.channels, audio.seconds) == (channels, 1.0)
    assert audio.sample_rate == (48_000 if mime_type == "audio/ogg" else RATE)
    assert audio.samples.shape == (audio.sample_rate, channels)
    assert audio.samples.dtype == np.float32


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
@pytest.mark.parametrize("mime_type", FORMATS[1:])
def test_a_tone_stays_that_tone(mime_type: str, rate: int) -> None:
    audio = Audio(encoded(mime_type, rate=rate))
    spectrum = np.abs(np.fft.rfft(audio.samples[:, 0]))
    assert spectrum.argmax() / audio.seconds == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("kind", "code", "bits", "scale", "error"),
    [
        (np.uint8, 1, 8, 128, 2**-7),
        ("<i2", 1, 16, 2**15, 2**-15),
        ("<i4", 1, 32, 2**31, 1e-6),
        ("<f4", 3, 32, 1, 1e-7),
        ("<f8", 3, 64, 1, 1e-7),
    ],
)
def test_every_kind_of_wav_gives_the_same_samples(
    kind: Any, code: int, bits: int, scale: float, error: float
) -> None:
    offset = 128 if bits == 8 else 0
    written = (tone().astype(np.float64) * scale + offset).astype(kind)
    audio = Audio(wav_of(written, code, bits))
    assert np.abs(audio.samples[:, 0] - tone()).max() <= error


def test_24_bits_keep_what_16_lose(tmp_path: Path) -> None:
    deep = Audio(wav.encode(tone()[:, None], RATE, bits=24))
    assert np.abs(deep.samples[:, 0] - tone()).max() < 2**-23
    again = Audio.open(Audio.open(deep.save(tmp_path / "a.flac")).save(tmp_path / "b.wav"))
    assert (again.samples == deep.samples).all()


def test_samples_make_the_round_trip_exactly() -> None:
    integers = np.array([-(2**15), -1, 0, 1, 2**15 - 1], np.int16)
    audio = Audio.from_samples(integers, RATE)
    assert (np.frombuffer(audio.sound().pcm, "<i2") == integers).all()
    assert (Audio.from_samples(audio.samples, RATE).data) == audio.data


@pytest.mark.parametrize("lie", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000])
@pytest.mark.parametrize("whole_head", [True, False])
def test_a_wav_with_a_lying_length_is_repaired(*, lie: int, whole_head: bool) -> None:
    honest = encoded("audio/wav")
    length = lie if whole_head else len(honest) - 8
    lying = honest[:4] + struct.pack("<I", length) + honest[8:40] + struct.pack("<I", lie)
    assert Audio(lying + honest[44:]).data == honest


def test_a_repaired_wav_ends_with_a_whole_sample() -> None:
    honest = encoded("audio/wav", 2)
    streamed = honest[:4] + b"\xff" * 4 + honest[8:40] + b"\xff" * 4 + honest[44:-5]
    assert Audio(streamed).samples.shape == (RATE - 2, 2)


@pytest.mark.parametrize("mime_type", FORMATS)
def test_provenance_is_written_into_the_file_and_read_back(mime_type: str, tmp_path: Path) -> None:
    audio = Audio(encoded(mime_type), provenance=STORY)
    path = audio.save(tmp_path / "once")
    again = Audio.open(path)
    assert path.suffix == audio.extension
    assert again.provenance == STORY
    assert again.captions == audio.captions
    assert (again.samples == audio.samples).all()
    third = Audio.open(again.save(tmp_path / "third"))
    assert third.data == again.data, "the old record is replaced, not kept"


@pytest.mark.parametrize("mime_type", FORMATS)
def test_a_long_record_fits_too(mime_type: str, tmp_path: Path) -> None:
    """Longer ones are shortened, whatever the format."""
    record = Provenance(model="a/b", prompt="x", engine="a", notes={"long": "ü" * 25_000})
    audio = Audio(encoded(mime_type), provenance=record)
    again = Audio.open(audio.save(tmp_path / "long"))
    assert again.provenance == record
    assert (again.samples == audio.samples).all()
    short = Audio(again.data, provenance=STORY)
    assert Audio(b"".join(short.serialize())).provenance == STORY


@pytest.mark.parametrize("mime_type", FORMATS)
def test_other_programs_still_read_the_file(mime_type: str) -> None:
    av = codec.load_av()
    whole = b"".join(Audio(encoded(mime_type), provenance=STORY).serialize())
    with av.open(io.BytesIO(whole)) as file:
        tags = {**file.metadata, **file.streams.audio[0].metadata}
        frames = sum(frame.samples for frame in file.decode(audio=0))
    assert frames >= RATE
    is_hidden = mime_type == "audio/wav"  # in a chunk of its own, beside the user's comment
    assert any("local/hibari" in text for text in tags.values()) != is_hidden


def test_tags_of_others_are_kept_in_an_mp3() -> None:
    frame = b"TIT2" + struct.pack(">I", 6) + b"\0\0" + b"\0Hello"
    tag = b"ID3\3\0\0" + bytes([0, 0, 0, len(frame)]) + frame
    tagged = Audio(tag + encoded("audio/mpeg"), provenance=STORY)
    whole = b"".join(tagged.serialize())
    assert whole.startswith(b"ID3\3")
    assert frame in whole
    assert Audio(whole).provenance == STORY


@pytest.mark.parametrize("ending", [*ENDINGS, ".opus", ".MP3"])
@pytest.mark.parametrize("mime_type", FORMATS)
def test_the_ending_decides_the_format(mime_type: str, ending: str, tmp_path: Path) -> None:
    audio = Audio.open(Audio(encoded(mime_type), provenance=STORY).save(tmp_path / f"a{ending}"))
    assert audio.mime_type == ENDINGS.get(ending.lower(), "audio/ogg")
    assert audio.seconds == pytest.approx(1, abs=0.001)
    assert audio.provenance == STORY


def test_an_ending_that_is_no_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"\.txt"):
        Audio(encoded("audio/wav")).save(tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mime_type", FORMATS)
@given(share=st.floats(0, 0.999))
def test_sound_cut_anywhere_is_refused(mime_type: str, share: float) -> None:
    """But for the last frame of an MP3, which every player does without."""
    data = encoded(mime_type)
    least = len(data) - (192 if mime_type == "audio/mpeg" else 0)
    with pytest.raises(MediaError):
        Audio(data[: int(least * share)])


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_check(noise: bytes) -> None:
    heads = (
        b"",
        b"fLaC",
        b"OggS\0\2",
        b"ID3\4\0\0\0\0\0\0",
        b"\xff\xfb\x90\0",
        b"RIFF\0\0\0\0WAVE",
    )
    for head in (*heads, *(encoded(mime_type)[:80] for mime_type in FORMATS[1:])):
        with pytest.raises(MediaError):
            Audio(head + noise)


@pytest.mark.parametrize("mime_type", FORMATS)
@given(data=st.data())
def test_a_flipped_bit_is_refused_or_still_decodes(mime_type: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(mime_type))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        audio = Audio(bytes(whole))
        decoded = audio.samples
    except MediaError:
        return
    assert len(decoded) <= audio.facts.frames
    assert decoded.shape[1] == audio.channels


@given(data=st.data())
def test_a_flipped_bit_in_an_ogg_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(encoded("audio/ogg"))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(MediaError):
        Audio(bytes(whole))


def test_a_flac_that_ends_between_two_frames_is_refused() -> None:
    whole = encoded("audio/flac")
    cut = whole[: whole.rindex(b"\xff\xf8")]
    assert b"\xff\xf8" in cut, "at least one frame is left"
    with pytest.raises(MediaError, match="cut short"):
        Audio(cut)


@pytest.mark.parametrize("mime_type", ["audio/wav", "audio/mpeg", "audio/ogg"])
def test_what_follows_the_sound_is_cut_off(mime_type: str) -> None:
    data = encoded(mime_type)
    assert Audio(data + b"<script>").data == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<!doctype html>", "HTML"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
        (b"\xff\xf1\x50\x80", "AAC"),
        (b"\0\0\0\x20ftypM4A ", "cut short"),
        (b"hello", "unknown data"),
        (wav.wrapped(b"", sample_rate=RATE, channels=1), "no sound"),
        (wav_of(np.zeros(9, np.uint8), 0x11, 4), "IMA ADPCM; convert it"),
        (wav_of(np.zeros(9, np.uint8), 0x99, 8), "kind 0x99"),
        (wav_of(np.zeros(9, np.uint8), 3, 16), "16 bits of kind 3"),
    ],
)
def test_what_is_no_sound_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        Audio(data)


def test_a_wav_of_no_numbers_is_refused_when_decoded() -> None:
    with pytest.raises(MediaError, match="no numbers"):
        _ = Audio(wav_of(np.full(9, np.nan, "<f4"), 3, 32)).samples


def test_sound_is_made_of_what_people_have(tmp_path: Path) -> None:
    data = encoded("audio/wav")
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    array = Audio(data).samples

    class Shown:
        """Looks like IPython's Audio."""

        def __init__(self) -> None:
            self.data = data

    class Tensor:
        """Looks like torch: channels first, on a device."""

        def detach(self) -> "Tensor":
            return self

        def cpu(self) -> "Tensor":
            return self

        def numpy(self) -> npt.NDArray[np.float32]:
            return array.T

    flat, exact = array[:, 0], (array * 2**15).astype(np.int16)
    tuples = [(array, RATE), (flat, RATE), (exact, np.int64(RATE)), (Tensor(), RATE)]
    for thing in (Audio(data), data, bytearray(data), path, str(path), Shown(), *tuples):
        assert Audio.of(thing).data == data
    assert Audio.from_pcm(exact.tobytes() + b"\0", sample_rate=RATE).data == data


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (7, "int is not sound"),
        (np.zeros(9), r"give bytes, a path, or \(samples, sample_rate\)"),
        ((np.zeros(9), 0), "sample_rate=0"),
        ((np.zeros(9), 24_000.5), "sample_rate"),
        ((np.zeros(0), RATE), "not sound"),
        ((np.zeros((2, 24_000)), RATE), "frames come first"),
        ((np.full(9, np.inf), RATE), "finite"),
        ((np.zeros(9, np.complex64), RATE), "complex64"),
        (([[1.0], [1.0, 2.0]], RATE), "different lengths"),
        ((["a"], RATE), "<U1"),
    ],
)
def test_what_cannot_be_sound_is_refused(thing: object, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        Audio.of(thing)


def test_a_missing_file_is_said_so() -> None:
    with pytest.raises(StorageError, match=r"no-such\.wav"):
        Audio.of("no-such.wav")


def test_without_pyav_wav_works_and_the_rest_names_the_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = encoded("audio/mpeg")
    long = Audio.from_samples(tone(30), RATE)
    monkeypatch.setitem(sys.modules, "av", None)
    assert Audio(data).seconds == 1
    with pytest.raises(MissingExtraError, match=r'pip install "mediatoolkit\[local\]"'):
        _ = Audio(data).samples
    with pytest.raises(MissingExtraError, match="PyAV"):
        long.save(tmp_path / "a.mp3")
    preview = long.preview()
    assert (preview.mime_type, len(preview.data) <= 44_000) == ("audio/wav", True)
    assert "first 5 s at 8 kHz" in preview.note
    assert Audio(preview.data).seconds == pytest.approx(preview.seconds, abs=0.001)


@pytest.mark.parametrize("seconds", [1, 5, 30, 120])
def test_the_preview_stays_small_and_sounds(seconds: int) -> None:
    """Noise is the worst case for MP3."""
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, (seconds * RATE, 2))
    preview = Audio.from_samples(noise, RATE).preview()
    sound = Audio(preview.data)
    assert len(preview.data) <= 44_000
    assert sound.mime_type == preview.mime_type == "audio/mpeg"
    assert sound.seconds == pytest.approx(min(seconds, 30), abs=0.1)
    assert sound.loudness > -40
    assert ("first 30 s" in preview.note) == (seconds > 30)


def test_a_small_sound_is_its_own_preview() -> None:
    audio = Audio(encoded("audio/mpeg"))
    assert (audio.preview().data, audio.preview().note) == (audio.data, "")


def test_the_bundle_escapes_the_prompt_and_says_local() -> None:
    audio = Audio(encoded("audio/wav"), provenance=STORY)
    data, metadata = audio._repr_mimebundle_()
    html = data["text/html"]
    assert set(data) == {"text/html", "text/plain"}
    assert metadata == {}
    assert "<audio controls" in html
    assert 'src="data:audio/mpeg;base64,' in html
    assert "<b>" not in html
    assert 'aria-label="Once &lt;b&gt; &amp; &quot;upon&quot;' in html
    assert "local engine" in html
    assert "kbit/s" in html
    assert data["text/plain"] == repr(audio)
    assert repr(audio) == "<Audio 1.0 s 24000 Hz audio/wav, local/hibari>"


@pytest.mark.parametrize(("channels", "expected"), [(1, -26.01), (2, -23.0)])
@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
def test_loudness_is_that_of_the_standard(rate: int, channels: int, expected: float) -> None:
    """EBU Tech 3341, case 1: 1 kHz at -23 dBFS in two channels is -23 LUFS."""
    sine = tone(5, rate, hertz=1_000, level=10 ** (-23 / 20))
    audio = Audio.from_samples(np.stack([sine] * channels, axis=1), rate)
    assert audio.loudness == pytest.approx(expected, abs=0.1)
    assert audio.peak == pytest.approx(-23, abs=0.05)


def test_quiet_parts_do_not_count_as_loudness() -> None:
    """EBU Tech 3341, case 3: -36, -23 and -36 dBFS for 10, 60 and 10 s are -23 LUFS."""
    levels = [(10, -36), (60, -23), (10, -36)]
    parts = [tone(long, 8_000, hertz=1_000, level=10 ** (db / 20)) for long, db in levels]
    stereo = np.stack([np.concatenate(parts)] * 2, axis=1)
    assert Audio.from_samples(stereo, 8_000).loudness == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("frames", [1, 9, RATE])
def test_silence_has_no_loudness(frames: int) -> None:
    silence = Audio.from_samples(np.zeros(frames), RATE)
    assert silence.loudness == silence.peak == -math.inf


@pytest.mark.parametrize("frames", [1, 100, RATE])
def test_the_waveform_follows_the_sound(frames: int) -> None:
    swell = np.linspace(0, 1, frames, dtype=np.float32) * tone(frames / RATE)[:frames]
    picture = Audio.from_samples(swell, RATE).waveform(width=200, height=50)
    alpha = np.asarray(picture)[..., 3].astype(float)
    assert alpha.shape == (50, 200)
    assert (alpha.sum(0) > 0).all(), "a thin line where there is silence"
    assert alpha[0, 0] == 0
    if frames == RATE:
        assert alpha.sum(0)[-9:].mean() > 5 * alpha.sum(0)[:9].mean()


@pytest.mark.parametrize("size", [{"width": 0}, {"height": 99_999}, {"width": "wide"}])
def test_an_impossible_waveform_is_refused(size: dict[str, Any]) -> None:
    with pytest.raises(MediaError, match="is not a whole number from 1"):
        Audio(encoded("audio/wav")).waveform(**size)


def test_shortened_captions_end_with_a_whole_one() -> None:
    captions = Captions(tuple(Caption(at, at + 1, "x" * 68) for at in range(10)))
    assert captions.shortened(350) == Captions(captions.entries[:3])
    assert captions.shortened(99) == Captions()
    assert captions.shortened(10_000) == captions


def test_captions_are_written_as_srt_and_vtt() -> None:
    captions = Captions((Caption(0, 1.5, "Hello --> you"), Caption(3661.25, 3662, "A <b>\n\nB")))
    assert captions.srt() == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello → you\n\n"
        "2\n01:01:01,250 --> 01:01:02,000\nA <b>\nB\n"
    )
    assert captions.vtt() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello → you\n\n"
        "01:01:01.250 --> 01:01:02.000\nA &lt;b&gt;\nB\n"
    )
    assert Captions.from_plain(captions.to_plain()) == captions
    assert not Audio(encoded("audio/wav")).captions


@pytest.mark.parametrize(
    "plain", [None, 7, "ab", [[0, 1]], [[1, 0, "x"]], [["a", 1, "x"]], [[0, math.nan, "x"]]]
)
def test_captions_of_strangers_are_left_out(plain: object) -> None:
    notes = {"captions": plain}
    record = Provenance(model="a/b", prompt="x", engine="a", notes=notes)
    assert not Audio(encoded("audio/wav"), provenance=record).captions


def test_joined_sound_has_its_parts_and_their_captions_in_place() -> None:
    parts = [Audio(encoded("audio/wav"), STORY), Audio(encoded("audio/ogg", 2), STORY)]
    whole = concatenate(parts, gap=0.25, provenance=STORY)
    assert (whole.sample_rate, whole.channels, whole.seconds) == (48_000, 2, 2.25)
    assert [caption.start for caption in whole.captions] == [0, 0.5, 1.25, 1.75]
    assert not whole.samples[48_000 : int(48_000 * 1.25)].any()


def test_joins_do_not_click() -> None:
    """Cut at their peaks, two waves would jump by 1 where they meet."""
    wave = Audio.from_samples(np.cos(np.arange(RATE) * 2 * np.pi * 100 / RATE) * 0.5, RATE)
    upside = Audio.from_samples(-wave.samples, RATE)
    inside = np.abs(np.diff(wave.samples[:, 0])).max()
    joined = np.abs(np.diff(concatenate([wave, upside, wave]).samples[:, 0])).max()
    assert joined < 2 * inside


@pytest.mark.parametrize("bad", [{"parts": []}, {"gap": -1}, {"gap": math.nan}])
def test_nothing_to_join_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(MediaError):
        concatenate(**{"parts": [Audio(encoded("audio/wav"))], **bad})


def test_a_bare_sound_knows_its_length_and_words() -> None:
    sound = Audio(encoded("audio/wav", 2), provenance=STORY).sound()
    assert (sound.seconds, sound.channels, sound.text) == (1.0, 2, STORY.prompt)


def test_a_rate_that_nothing_has_is_refused() -> None:
    with pytest.raises(MediaError, match="2,000,000,000 samples a second; 999,999 are the most"):
        Audio(wav_of(np.zeros(9, "u1"), 1, 8, rate=2_000_000_000))


def test_floats_beyond_all_sound_are_no_samples() -> None:
    sound = Audio(wav_of(np.array([0, 1e300], "<f8"), 3, 64))
    with pytest.raises(MediaError, match="no numbers"):
        _ = sound.samples


def test_a_rate_of_one_has_its_loudness() -> None:
    assert math.isfinite(Audio.from_samples([0.5, -0.5] * 9, 1).loudness)
