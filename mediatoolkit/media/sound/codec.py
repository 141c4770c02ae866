"""Compressed sound to samples and back, through PyAV, which is loaded when it is needed."""

import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError, MissingExtraError
from mediatoolkit.media.sound.facts import SoundFacts
from mediatoolkit.media.sound.resample import resampled

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LARGEST = 500_000_000  # samples over all channels, 2 GB as floats

_FORMATS = {
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/mp4": "mp4",
}
_CODECS = {
    "audio/mpeg": "libmp3lame",
    "audio/ogg": "libopus",
    "audio/flac": "flac",
    "audio/mp4": "aac",
}
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_FLAC_LARGEST_RATE = 655350
_LAYOUTS = {1: "mono", 2: "stereo"}
_AT_ONCE = 1 << 16


def load_av() -> Any:
    """The package `av`.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import av
    except ImportError:
        missing = MissingExtraError(
            "MP3, Ogg and FLAC are read and written with PyAV, which is not installed: "
            'pip install "mediatoolkit[local]". WAV works without it.'
        )
    else:
        return av
    raise missing


def decode(data: bytes, facts: SoundFacts) -> "npt.NDArray[np.float32]":
    """Samples as `(frames, channels)`, as many as *facts* says or a little fewer.

    Raises:
        MediaError: The sound is not what the structure says.
        MissingExtraError: PyAV is not installed.
    """
    import numpy as np

    av = load_av()
    parts: list[Any] = []
    layout, kind = _layout(facts.channels), _FORMATS[facts.mime_type]
    frames = 0
    try:
        with av.open(io.BytesIO(data), format=kind, **_lenient(av)) as file:
            plain = av.AudioResampler("flt", layout=layout, rate=facts.sample_rate)
            for frame in chain(_frames(av, file, kind), [None]):
                for part in plain.resample(frame):
                    parts.append(part.to_ndarray().reshape(-1, facts.channels))
                    frames += len(parts[-1])
                if frames > facts.frames:
                    break
        samples: npt.NDArray[np.float32] = np.concatenate(parts)[: facts.frames]
    except (av.FFmpegError, EOFError, ValueError, IndexError) as error:
        failure = MediaError(f"The sound cannot be decoded: {_reason(error)}")
    else:
        return samples
    raise failure


def _frames(av: Any, file: Any, kind: str) -> Iterator[Any]:
    """What the packets hold; in an MP3 players pass over those that hold none."""
    for packet in file.demux(audio=0):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            if kind != "mp3":
                raise


def _lenient(av: Any) -> dict[str, str]:
    """Tags in a foreign alphabet are no fault of the sound; PyAV 19 has no word for it any more."""
    return {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}


def encode(
    samples: "npt.NDArray[np.floating]",
    sample_rate: int,
    mime_type: str,
    *,
    bits: int = 16,
    bit_rate: int | None = None,
) -> bytes:
    """Encode `(frames, channels)`.

    Args:
        samples: Values from -1 to 1.
        sample_rate: Hertz; changed to the nearest one that the format has.
        mime_type: `audio/mpeg`, `audio/ogg` (as Opus) or `audio/flac`.
        bits: What FLAC keeps of a sample.
        bit_rate: Bits a second on average; left out, what sounds good.

    Raises:
        MediaError: More channels than the format takes.
        MissingExtraError: PyAV is not installed.
    """
    av = load_av()
    channels = samples.shape[1]
    if channels not in _LAYOUTS:
        raise MediaError(f"Sound of {channels} channels is saved as .wav alone.")
    rate = _nearest_rate(sample_rate, mime_type)
    if rate != sample_rate:
        samples = resampled(samples, sample_rate, rate)
    kind, typed = _typed(samples, mime_type, bits)
    target = io.BytesIO()
    with av.open(target, "w", format=_FORMATS[mime_type]) as file:
        stream = file.add_stream(_CODECS[mime_type], rate=rate, layout=_LAYOUTS[channels])
        stream.format = kind
        stream.format = "s16p" if mime_type == "audio/mpeg" else kind
        stream.options = _options(mime_type, bit_rate)
        if mime_type != "audio/flac":
            stream.bit_rate = bit_rate or 64_000 * channels
        for at in range(0, len(typed), _AT_ONCE):
            part = typed[at : at + _AT_ONCE]
            frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), kind, _LAYOUTS[channels])
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()


def _options(mime_type: str, bit_rate: int | None) -> dict[str, str]:
    return {"abr": "1"} if mime_type == "audio/mpeg" and bit_rate else {}


def _nearest_rate(rate: int, mime_type: str) -> int:
    if mime_type == "audio/flac":
        return min(rate, _FLAC_LARGEST_RATE)
    rates = _MP3_RATES if mime_type == "audio/mpeg" else _OPUS_RATES
    return next((one for one in rates if one >= rate), rates[-1])


def _typed(samples: Any, mime_type: str, bits: int) -> tuple[str, Any]:
    import numpy as np

    deep = mime_type == "audio/flac" and bits > 16
    top = 2.0**23 if deep else 2.0**15
    integers = np.clip(np.rint(samples.astype(np.float64) * top), -top, top - 1)
    if deep:
        return "s32", integers.astype(np.int32) << 8
    return "s16", integers.astype(np.int16)


def _layout(channels: int) -> str:
    return _LAYOUTS.get(channels, f"{channels}c")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
