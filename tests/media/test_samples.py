"""Samples: what people hand over, in which order channels come, what is shown of it."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, codec
from mediatoolkit.media.containers import wav

RATE = 24_000
WAVE = (np.sin(np.arange(2_400) / 9) * 0.5).astype(np.float32)
FILE = wav.encode(WAVE[:, None], RATE)


class Tensor:
    """Looks like torch: channels first, on a device, of a type that NumPy lacks."""

    def __init__(self, numbers: npt.NDArray[Any], *, lacks: str = "", on: str = "cuda") -> None:
        """Be such a tensor."""
        self.numbers, self.lacks, self.on, self.needs_grad = numbers, lacks, on, True

    def detach(self) -> "Tensor":
        plain = Tensor(self.numbers, lacks=self.lacks, on=self.on)
        plain.needs_grad = False
        return plain

    def cpu(self) -> "Tensor":
        plain = Tensor(self.numbers, lacks=self.lacks, on="cpu")
        plain.needs_grad = self.needs_grad
        return plain

    def float(self) -> "Tensor":
        plain = Tensor(self.numbers, on=self.on)
        plain.needs_grad = self.needs_grad
        return plain

    def numpy(self) -> npt.NDArray[Any]:
        if self.needs_grad or self.on != "cpu":
            raise RuntimeError("Can't call numpy() on Tensor that requires grad or is on cuda.")
        if self.lacks:
            raise TypeError(f"Got unsupported ScalarType {self.lacks}")
        return self.numbers


class Broken(Tensor):
    """A tensor whose numbers cannot be had at all."""

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> npt.NDArray[Any]:
        raise TypeError("can't convert Sparse layout tensor to numpy")

    def float(self) -> Tensor:
        return self


@pytest.mark.parametrize("lacks", ["", "BFloat16", "Float8_e4m3fn"])
def test_tensors_of_any_float_type_are_taken(lacks: str) -> None:
    stereo = np.stack([WAVE, -WAVE])
    assert Audio.from_samples(Tensor(WAVE, lacks=lacks), RATE).data == FILE
    assert Audio.of((Tensor(stereo, lacks=lacks), RATE)).samples.shape == (len(WAVE), 2)
    assert Audio.of((Tensor(WAVE.astype(np.float16)), RATE)).facts.frames == len(WAVE)


@pytest.mark.parametrize("kind", [">i2", ">i4", ">f4", "<i2", "<f8", "f2", "longdouble"])
def test_samples_of_either_order_of_bytes_are_taken(kind: str) -> None:
    scale = 2.0 ** (8 * np.dtype(kind).itemsize - 1) if "i" in kind else 1
    audio = Audio.from_samples((WAVE * scale).astype(kind), RATE)
    assert np.abs(audio.samples[:, 0] - WAVE).max() < 1e-3


def test_a_tensor_without_numbers_is_told() -> None:
    with pytest.raises(MediaError, match="no numbers for NumPy: can't convert Sparse"):
        Audio.from_samples(Broken(WAVE), RATE)


def test_open_files_are_taken_and_stay_open(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(FILE)
    written = io.BytesIO()
    written.write(FILE)  # and so stands at its end

    class Upload:
        """Reads, and does nothing else."""

        def read(self) -> bytes:
            return FILE

    with path.open("rb") as file, path.open("rb", buffering=0) as raw:
        for thing in (file, raw, io.BytesIO(FILE), written, Upload()):
            assert Audio.of(thing).data == FILE
        file.seek(0)
        assert file.read() == FILE
    assert written.getvalue() == FILE
    pcm = io.BytesIO(FILE[44:])
    assert Audio.from_pcm(pcm, sample_rate=RATE).data == FILE


@pytest.mark.parametrize("use", [Audio.of, lambda file: Audio.from_samples(file, RATE)])
def test_a_file_that_does_not_do_is_told_and_stays_usable(use: Any) -> None:
    for file in (io.StringIO("RIFF"), io.BytesIO(b"hello")):
        with pytest.raises(
            MediaError, match=r"not bytes; open it with 'rb'|unknown data|Audio\.of"
        ):
            use(file)
        file.seek(0)
        assert file.read()
    closed = io.BytesIO(FILE)
    closed.close()
    with pytest.raises(MediaError, match=r"cannot be read|Audio\.of"):
        use(closed)


@pytest.mark.parametrize(
    "thing",
    [
        (RATE, WAVE),
        [RATE, WAVE.tolist()],
        (np.int64(RATE), WAVE),
        (WAVE, RATE),
        {"array": WAVE, "sampling_rate": RATE, "path": None},
        {"array": WAVE[None], "sampling_rate": RATE},
        {"audio": WAVE[None], "sampling_rate": RATE},
        {"array": WAVE.tolist(), "sampling_rate": RATE},
    ],
)
def test_samples_come_with_their_rate_as_others_pair_them(thing: Any) -> None:
    """As SciPy and Gradio have them, and datasets and pipelines of Hugging Face."""
    assert Audio.of(thing).data == FILE


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        ((RATE, RATE), "not sound"),
        ({"array": WAVE}, "sample_rate=None"),
        ({"array": None, "sampling_rate": RATE}, "not sound"),
        ({"sampling_rate": RATE}, "dict is not sound"),
        ((WAVE * 20_000, RATE), r"from -1 to 1, and these reach 10,000; divide 16-bit samples"),
        ((WAVE[:0], RATE), "not sound"),
    ],
)
def test_what_is_no_such_pair_is_told(thing: Any, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        Audio.of(thing)


def test_floats_a_little_beyond_are_clipped() -> None:
    loud = Audio.from_samples([0.5, 1.2, -3.0], RATE)
    assert loud.samples[:, 0] == pytest.approx([0.5, 1, -1], abs=1e-4)


@pytest.mark.parametrize(
    ("mime_type", "channels"),
    [(kind, count) for kind in ("audio/flac", "audio/mp4") for count in range(1, 9)]
    + [("audio/ogg", count) for count in (1, 2, 3, 4, 6, 8)],
)
def test_every_channel_is_saved_and_read_back_in_its_place(mime_type: str, channels: int) -> None:
    """One after the other sounds; in a low tone, for one of them may carry nothing else."""
    long = 4_800
    samples = np.zeros((long * channels, channels), np.float32)
    for channel in range(channels):
        tone = np.sin(np.arange(long - 2_000) * 2 * np.pi * 60 / 48_000) * 0.5
        samples[channel * long : channel * long + len(tone), channel] = tone
    audio = Audio(codec.encode(samples, 48_000, mime_type))
    assert audio.channels == channels
    parts = audio.samples.reshape(channels, long, channels)
    assert (np.abs(parts[:, : long - 2_000]).max(1).argmax(1) == np.arange(channels)).all()
    assert np.abs(parts).max((0, 1)).min() > 0.2


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", ["FLAC", "OGG"])
def test_three_and_four_channels_of_others_are_all_heard(kind: str, channels: int) -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (48_000, channels))
    soundfile.write(file, noise, 48_000, format=kind)
    theirs, _ = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")
    if kind == "OGG" and channels == 3:
        theirs = theirs[:, [0, 2, 1]]  # the file has the centre second
    assert np.abs(Audio(file.getvalue()).samples - theirs).max() < 1e-4


@pytest.mark.parametrize(
    ("ending", "channels", "words"),
    [
        (".mp3", 6, r"saved as \.wav or \.flac or \.ogg or \.m4a\."),
        (".ogg", 5, r"saved as \.wav or \.flac or \.m4a\."),
        (".flac", 9, r"saved as \.wav\."),
    ],
)
def test_too_many_channels_for_a_format_are_told(
    ending: str, channels: int, words: str, tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match=words):
        Audio.from_samples(np.zeros((99, channels)), RATE).save(tmp_path / f"a{ending}")


def test_six_channels_are_saved_as_flac_and_ogg(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (9_600, 6))
    audio = Audio.from_samples(noise, 48_000)
    flac = Audio.open(audio.save(tmp_path / "a.flac"))
    assert (flac.samples == audio.samples).all()
    assert Audio.open(audio.save(tmp_path / "a.ogg")).channels == 6


def test_what_is_shown_of_sound_holds_no_bytes() -> None:
    sound = Audio(FILE)
    assert repr(sound.sound()) == f"Sound(sample_rate={RATE}, channels=1, text=None)"
    assert len(repr(sound.preview())) < 100


def test_what_cannot_be_decoded_has_its_caption_in_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, (48_000, 1))
    packed = Audio(codec.encode(noise, RATE, "audio/flac"))
    no_numbers = io.BytesIO()
    soundfile.write(no_numbers, noise * np.nan, RATE, "FLOAT", format="WAV")
    monkeypatch.setitem(sys.modules, "av", None)
    for audio in (packed, Audio(no_numbers.getvalue())):
        data, _ = audio._repr_mimebundle_()
        assert "<audio" not in data["text/html"]
        assert "no preview" in data["text/html"]
        assert data["text/plain"] == repr(audio)
