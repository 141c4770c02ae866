"""Sound: bytes that know their type and provenance and can show themselves."""

import base64
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import MediaError, MissingExtraError
from mediatoolkit.media import codec, loudness, pixels, preview
from mediatoolkit.media.base import Media, figure, read_whole
from mediatoolkit.media.captions import Caption, Captions
from mediatoolkit.media.containers import SOUNDS, Family, riff, wav
from mediatoolkit.media.containers.base import SAMPLE_RATES, SoundFacts
from mediatoolkit.media.image import Image
from mediatoolkit.media.preview import SoundPreview
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.samples import Sound, filled, pair_of, placed, resampled, samples_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

_CHANNELS = range(1, 65)
_WIDTHS = range(1, 10_001)
_HEIGHTS = range(1, 5_001)
_DRAWN_WHOLE, _DRAWN_AT_MOST = 1 << 24, 1 << 26  # samples over all channels
_GLIMPSES = 600
_FADE = 0.005  # seconds; a step from one wave into another would be heard as a click


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audio(Media):
    """One finished piece of sound.

    Args:
        data: A whole WAV, MP3, Ogg (Opus or Vorbis), FLAC or M4A file; above a megabyte, better
            `await Audio.load(data)`. A WAV whose head does not know its length is repaired.
        provenance: How it was made; left out, what the file itself says.
        path: Where it lies on disk, or None.

    Raises:
        MediaError: The bytes are no such sound, cut short or corrupt.
    """

    facts: SoundFacts = field(init=False)
    _family: ClassVar[Family[SoundFacts]] = SOUNDS
    noun: ClassVar[str] = SOUNDS.noun
    _shown: list[SoundPreview] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Check the structure, without decoding."""
        object.__setattr__(self, "data", riff.repaired(self._bytes(self.data)))
        Media.__post_init__(self)

    @classmethod
    def of(cls, thing: object) -> Self:
        """Make sound of what people have at hand; blocks.

        Args:
            thing: An `Audio`, the bytes of a file, a path, an open file or `BytesIO`,
                `(samples, sample_rate)` as in `from_samples` or the other way round, a dict
                `{"array": …, "sampling_rate": …}` with channels first as Hugging Face has it, or
                what has the bytes of a file as `data`, such as IPython's Audio.

        Raises:
            MediaError: It is none of these, or not a sound we take.
        """
        audio = cls._of_file(thing)
        if audio is not None:
            return audio
        pair = pair_of(thing)
        if pair is not None:
            return cls.from_samples(*pair)
        data = getattr(thing, "data", None)
        if isinstance(data, bytes):
            return cls(data)
        raise MediaError(
            f"{type(thing).__name__} is not sound: give bytes, a path, or (samples, sample_rate)."
        )

    @classmethod
    def from_samples(
        cls, samples: object, sample_rate: int, *, provenance: Provenance | None = None
    ) -> Self:
        """A WAV of samples, 16 bits each.

        Args:
            samples: Array `(frames,)` or `(frames, channels)` (a torch tensor has its channels
                first) of floats from -1 to 1, or of integers over their range. Floats a little
                beyond 1 are clipped; values beyond 8 are refused.
            sample_rate: Hertz.
            provenance: How it was made.

        Raises:
            MediaError: They are no such samples.
        """
        rate = _checked(sample_rate, SAMPLE_RATES, "sample_rate")
        return cls(wav.encode(samples_of(samples), rate), provenance)

    @classmethod
    def from_pcm(
        cls,
        pcm: object,
        *,
        sample_rate: int,
        channels: int = 1,
        provenance: Provenance | None = None,
    ) -> Self:
        """A WAV of bare samples, signed 16 bits each, little-endian; a cut last frame is dropped.

        Args:
            pcm: Bytes, or an open file of them.
            sample_rate: Hertz.
            channels: From 1.
            provenance: How it was made.

        Raises:
            MediaError: There is no whole frame.
        """
        pcm = read_whole(pcm) if hasattr(pcm, "read") else cls._bytes(pcm)
        rate = _checked(sample_rate, SAMPLE_RATES, "sample_rate")
        channels = _checked(channels, _CHANNELS, "channels")
        whole = pcm[: len(pcm) // (2 * channels) * 2 * channels]
        return cls(wav.wrapped(whole, sample_rate=rate, channels=channels), provenance)

    @property
    def sample_rate(self) -> int:
        """Hertz."""
        return self.facts.sample_rate

    @property
    def channels(self) -> int:
        """From 1."""
        return self.facts.channels

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return self.facts.frames / self.facts.sample_rate

    @property
    def samples(self) -> "npt.NDArray[np.float32]":
        """Decode to an array `(frames, channels)`, values from -1 to 1; anew at each use.

        Frame *i* sounds at `i / sample_rate` seconds. Channels are in the order of `blocks`.

        Raises:
            MediaError: The sound is not what its structure says, or too long for one array.
            MissingExtraError: It is no WAV, and PyAV is not installed.
        """
        return filled(self.blocks(), self.facts.frames, self.channels)

    def blocks(self) -> "Iterator[npt.NDArray[np.float32]]":
        """Decode block by block, for sound that is too long for one array; blocks between them.

        Yields:
            Arrays `(frames, channels)`, values from -1 to 1; together they are `samples`. Channels
            come in the order of WAV (left, right, centre, low frequencies, back, side) from
            whatever file; a WAV has its own.

        Raises:
            MediaError: The sound is not what its structure says.
            MissingExtraError: It is no WAV, and PyAV is not installed.
        """
        if self.mime_type == wav.MIME_TYPE:
            return wav.blocks(self.data)
        return codec.blocks(self.data, self.facts)

    @property
    def captions(self) -> Captions:
        """What is spoken when; empty where that is not known."""
        notes = self.provenance.notes if self.provenance else {}
        return Captions.from_plain(notes.get("captions", ()))

    @property
    def loudness(self) -> float:
        """Integrated loudness in LUFS after ITU-R BS.1770; -inf for silence."""
        return loudness.loudness(self.blocks(), self.sample_rate)

    @property
    def peak(self) -> float:
        """The largest sample in dBFS; -inf for silence."""
        return loudness.peak(self.blocks())

    def sound(self) -> Sound:
        """The same as bare samples that can be played at once; decodes."""
        pcm = b"".join(map(wav.to_pcm, self.blocks()))
        return Sound(pcm, self.sample_rate, self.channels, self._text())

    def waveform(self, *, width: int = 640, height: int = 96) -> Image:
        """A picture of the wave on a transparent ground, for light and dark pages.

        Of sound with more than 16 million samples (three minutes in stereo), 600 short stretches
        are decoded and drawn, spread evenly over its length; they may miss a single peak.

        Raises:
            MediaError: *width* or *height* is out of range.
        """
        width = _checked(width, _WIDTHS, "width")
        height = _checked(height, _HEIGHTS, "height")
        drawn = preview.draw_wave(self._parts(), self.facts.frames, width, height)
        return Image(pixels.encode(pixels.pillow_of(drawn)))

    def preview(self) -> SoundPreview:
        """A small copy for a page, at most 44 kB; made once.

        What is larger becomes an MP3 of one channel, up to its first 30 s; without PyAV, a WAV of
        the first seconds.
        """
        if not self._shown:
            small = (
                SoundPreview(self.data, self.mime_type, self.seconds, "")
                if len(self.data) <= preview.LARGEST
                else preview.preview_of_sound(self.blocks(), self.sample_rate, self.seconds)
            )
            self._shown.append(small)
        return self._shown[0]

    def _repr_html_(self) -> str:
        """Return HTML of a small picture of the wave and of its length, for a cell of a table."""
        length = f"{self.seconds:.1f} s"
        try:
            wave = base64.b64encode(self.waveform(width=pixels.THUMBNAIL, height=32).data).decode()
        except (MediaError, MissingExtraError):
            return length
        alt = escape(self._alt())
        return f'<img src="data:image/png;base64,{wave}" alt="{alt}" style="display:block">{length}'

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """A player with a caption as HTML, and one line of text.

        What cannot be decoded here has its caption alone.
        """
        del include, exclude
        small, _ = self._preview_or_reason()
        note = small.note if small else "no preview"
        caption = " · ".join(part for part in (self._caption(), note) if part)
        player = self._player(small) if small else ""
        shown = figure(player, escape(caption), self.omissions)
        return {"text/html": shown, "text/plain": repr(self)}, {}

    def _parts(self) -> "Iterator[tuple[int, npt.NDArray[np.float32]]]":
        """Return where each part begins, and its samples; all of the sound unless it is long."""
        frames = self.facts.frames
        if frames * self.channels <= _DRAWN_WHOLE:
            return placed(self.blocks())
        places = range(0, frames, -(-frames // _GLIMPSES))
        if self.mime_type == wav.MIME_TYPE:
            return wav.glimpses(self.data, places, _DRAWN_AT_MOST)
        return codec.glimpses(self.data, self.facts, places, _DRAWN_AT_MOST)

    def _player(self, small: SoundPreview) -> str:
        source = f"data:{small.mime_type};base64,{base64.b64encode(small.data).decode()}"
        label = escape(self._alt())
        return (
            f'<audio controls preload="metadata" src="{source}" aria-label="{label}" '
            f'style="max-width:100%">{label}</audio>'
        )

    def _converted(self, target: Path) -> Self:
        mime_type = SOUNDS.type_of(target)
        if mime_type is None:
            raise MediaError(f"Sound is saved as {SOUNDS.suffixes}, not as {target.suffix!r}.")
        if mime_type == self.mime_type:
            return self
        bits = 24 if self.facts.bits > 16 else 16
        if mime_type == wav.MIME_TYPE:
            data = wav.encode(self.samples, self.sample_rate, bits=bits)
        else:
            data = codec.encode(self.samples, self.sample_rate, mime_type, bits=bits)
        return replace(self, data=data)

    def _text(self) -> str | None:
        return self.provenance.prompt if self.provenance else None

    def _summary(self) -> str:
        return f"{self.seconds:.1f} s {self.sample_rate} Hz"


def _checked(value: Any, allowed: range, name: str) -> int:
    """A whole number in a range."""
    if not is_whole(value) or value not in allowed:
        most = allowed.stop - 1
        raise MediaError(f"{name}={quoted(value)} is not a whole number from 1 to {most:,}.")
    return int(value)


def concatenate(
    parts: "Sequence[Audio]", *, gap: float = 0.0, provenance: Provenance | None = None
) -> Audio:
    """One piece after the other, as a WAV; decodes, so better in a thread.

    Args:
        parts: One or more; rate and channels become the highest among them.
        gap: Seconds of silence between two.
        provenance: How the whole was made. The captions of the parts are moved to where they are
            heard now and put into its notes.

    Raises:
        MediaError: There is nothing to join, or a part cannot be decoded.
    """
    import numpy as np

    if not parts:
        raise MediaError("There is nothing to join; give one piece of sound or more.")
    if not 0 <= gap <= 3_600:
        raise MediaError(f"gap={quoted(gap)} is not a time between pieces; give seconds from 0.")
    rate = max(part.sample_rate for part in parts)
    channels = max(part.channels for part in parts)
    silence = np.zeros((round(gap * rate), channels), np.float32)
    pieces: list[npt.NDArray[np.float32]] = []
    captions: list[Caption] = []
    at = 0
    for part in parts:
        piece = _faded(_in_form(part, rate, channels), rate)
        captions += part.captions.later(at / rate)
        pieces += [piece, silence]
        at += len(piece) + len(silence)
    whole = np.concatenate(pieces[:-1])
    return Audio.from_samples(whole, rate, provenance=_with_captions(provenance, captions))


def _in_form(part: Audio, rate: int, channels: int) -> "npt.NDArray[np.float32]":
    import numpy as np

    samples = resampled(part.samples, part.sample_rate, rate)
    if part.channels == channels:
        return samples
    return np.repeat(samples.mean(1, keepdims=True), channels, axis=1)


def _faded(samples: "npt.NDArray[np.float32]", rate: int) -> "npt.NDArray[np.float32]":
    """Fade up from silence and down to it."""
    import numpy as np

    ramp = np.linspace(0, 1, min(len(samples), round(_FADE * rate)), dtype=np.float32)[:, None]
    faded = samples.copy()
    faded[: len(ramp)] *= ramp
    faded[len(faded) - len(ramp) :] *= ramp[::-1]
    return faded


def _with_captions(provenance: Provenance | None, captions: list[Caption]) -> Provenance | None:
    if provenance is None or not captions:
        return provenance
    return replace(
        provenance, notes={**provenance.notes, "captions": Captions(tuple(captions)).to_plain()}
    )
