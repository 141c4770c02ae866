"""Faults that only Gemini has words for."""

from dataclasses import dataclass
from typing import Literal

from mediatoolkit.simulator.api_faults import ApiFault
from mediatoolkit.simulator.vendor import SoundForm


@dataclass(frozen=True, slots=True)
class CandidateBlocked(ApiFault):
    """The content policy refuses the result: status 200, a candidate without content."""

    finish_reason: str = "IMAGE_SAFETY"
    finish_message: str | None = "Unable to show the generated image."


@dataclass(frozen=True, slots=True)
class UnknownFinish(CandidateBlocked):
    """A candidate without content that ends with a word no document knows."""

    finish_reason: str = "SOMETHING_NEW"
    finish_message: str | None = None


@dataclass(frozen=True, slots=True)
class NoCandidates(ApiFault):
    """Status 200 with an empty list of candidates and no reason."""


@dataclass(frozen=True, slots=True)
class Continuation(ApiFault):
    """The model stops at its limit and hands out a token to ask for the rest with."""


@dataclass(frozen=True, slots=True)
class Stumbles(ApiFault):
    """The first polls of an interaction find it forbidden or missing, and later ones go on.

    The real service does so while its store lags. Asked for with a start.

    Attributes:
        code: HTTP status, 400 to 599.
        times: How many polls.
    """

    code: int = 403
    times: int = 3


@dataclass(frozen=True, slots=True)
class ResultAt(ApiFault):
    """An interaction completes, and its result lies at this address, whatever that is."""

    uri: str


@dataclass(frozen=True, slots=True)
class SoundAs(ApiFault):
    """A good answer to `generateContent` whose speech has another form.

    Attributes:
        form: `pcm` samples under `audio/L16;codec=pcm;rate=24000`, `pcm_rfc` the same under
            `audio/l16; rate=24000; channels=1`, `wav` with a RIFF header, `endless_wav` with one
            that promises 4 GiB. A streamed WAV has its header in the first piece only.
    """

    form: SoundForm


@dataclass(frozen=True, slots=True)
class BrokenOff(ApiFault):
    """Speech that is good as far as it goes, and says that it is not whole.

    Attributes:
        finish_reason: Why it ended.
    """

    finish_reason: str = "MAX_TOKENS"


SoundFlaw = Literal["empty", "odd", "html", "no_rate", "wrong_mime", "bad_base64"]


@dataclass(frozen=True, slots=True)
class BadSound(ApiFault):
    """A complete answer to `generateContent` whose speech is not what it says.

    Attributes:
        kind: `empty` no sample; `odd` half a sample at the end; `html` a page under the sound's
            type; `no_rate` samples under a bare `audio/L16`, which are good; `wrong_mime` samples
            under `audio/mp3`; `bad_base64` a letter outside the alphabet.
    """

    kind: SoundFlaw
