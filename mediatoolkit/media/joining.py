"""Several pieces of sound as one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaError
from mediatoolkit.media.audio import Audio
from mediatoolkit.media.captions import Caption, Captions
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.sound.resample import resampled

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FADE = 0.005  # seconds; a step from one wave into another would be heard as a click


def concatenate(
    parts: Sequence[Audio], *, gap: float = 0.0, provenance: Provenance | None = None
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
    """Up from silence and down to it."""
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
