"""Faults in what the vendor says. Each vendor's dialect writes them in its own words."""

from dataclasses import KW_ONLY, dataclass
from typing import Literal


class Spoken:
    """Base of the faults that change what the vendor says."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Status(Spoken):
    """The vendor answers with an error status.

    Attributes:
        code: HTTP status, 400 to 599.
        message: Left out, a usual sentence for that code.
        status: The vendor's word for the code, such as `"RESOURCE_EXHAUSTED"`.
        retry_delay: How long to wait, told in the body, such as `"27s"` or `"1.203608125s"`.
        retry_after: Value of a `Retry-After` header, seconds or an HTTP date.
        per_day: The exhausted quota is one per day.
        quota: How many requests the exhausted quota allows; 0 is a key without billing.
        html: The body is a front end's HTML page instead of the vendor's envelope.
        array_envelope: The envelope is wrapped in a list of one.
        word: Stands in the place of the numeric code and status, as interactions write it:
            `"invalid_request"`.
    """

    code: int
    _: KW_ONLY
    message: str | None = None
    status: str | None = None
    retry_delay: str | None = None
    retry_after: str | None = None
    per_day: bool = False
    quota: int = 10
    html: bool = False
    array_envelope: bool = False
    word: str | None = None


@dataclass(frozen=True, slots=True)
class EchoKey(Spoken):
    """An error whose message quotes the caller's key back."""

    code: int = 400


@dataclass(frozen=True, slots=True)
class PromptBlocked(Spoken):
    """The content policy refuses the prompt: status 200, no candidate."""

    reason: str = "PROHIBITED_CONTENT"
    message: str | None = None


@dataclass(frozen=True, slots=True)
class CandidateBlocked(Spoken):
    """The content policy refuses the result: status 200, a candidate without content."""

    finish_reason: str = "IMAGE_SAFETY"
    finish_message: str | None = "Unable to show the generated image."


@dataclass(frozen=True, slots=True)
class UnknownFinish(CandidateBlocked):
    """A candidate without content that ends with a word no document knows."""

    finish_reason: str = "SOMETHING_NEW"
    finish_message: str | None = None


@dataclass(frozen=True, slots=True)
class TextOnly(Spoken):
    """The model answers in words instead of a picture or film, with a normal end."""

    text: str = "I can't create that picture."


@dataclass(frozen=True, slots=True)
class NoCandidates(Spoken):
    """Status 200 with an empty list of candidates and no reason."""


@dataclass(frozen=True, slots=True)
class Continuation(Spoken):
    """The model stops at its limit and hands out a token to ask for the rest with."""


@dataclass(frozen=True, slots=True)
class StreamError(Spoken):
    """A stream begins well and then carries an error object; other calls get `Status(code)`."""

    code: int = 503
    message: str = "The model is overloaded."


@dataclass(frozen=True, slots=True)
class EndsAs(Spoken):
    """An interaction comes to another end than `completed`.

    Asked for with a start, it is how the work ends once its polls have come; with a poll, how it
    ends now; with a cancel, only what the answer says. `EndsAs("in_progress")` never ends: with a
    start it runs for ever, with a poll for this poll, and a cancel is not confirmed.

    Attributes:
        status: The vendor's word, such as `failed`, `cancelled`, `incomplete`, `budget_exceeded`,
            `requires_action`, or one no document knows.
        message: Why, or None.
        code: The vendor's word for that.
    """

    status: str
    _: KW_ONLY
    message: str | None = None
    code: str = "internal"


@dataclass(frozen=True, slots=True)
class Stumbles(Spoken):
    """The first polls of an interaction find it forbidden or missing, and later ones go on.

    The real service does so while its store lags. Asked for with a start.

    Attributes:
        code: HTTP status, 400 to 599.
        times: How many polls.
    """

    code: int = 403
    times: int = 3


@dataclass(frozen=True, slots=True)
class ResultAt(Spoken):
    """An interaction completes, and its result lies at this address, whatever that is."""

    uri: str


GarbageKind = Literal[
    "empty", "html", "deep", "utf8", "null", "list", "string", "nan", "shapes", "parts", "inline"
]


@dataclass(frozen=True, slots=True)
class Garbage(Spoken):
    """Status 200 with a body that is not an answer.

    Attributes:
        kind: `empty` no body; `html` a page; `deep` 100,000 nested lists; `utf8` bytes that are no
            UTF-8; `null`, `list`, `string`, `nan` JSON of that type; `shapes` candidates that are
            no list; `parts` parts that are no objects; `inline` picture data that is no text.
    """

    kind: GarbageKind = "html"


PictureFlaw = Literal[
    "svg",
    "html",
    "empty",
    "truncated",
    "bad_crc",
    "wrong_mime",
    "bomb",
    "bad_base64",
    "escaped_base64",
    "urlsafe_base64",
    "spaced_base64",
]


@dataclass(frozen=True, slots=True)
class BadPicture(Spoken):
    r"""A complete answer to `generateContent` whose picture is not what it says, or oddly written.

    Attributes:
        kind: `svg`, `html`, `empty`: other bytes under `image/png`; `truncated`, `bad_crc`: a
            damaged PNG; `wrong_mime`: a PNG under `image/jpeg`; `bomb`: a PNG header of
            30,000 x 30,000; `bad_base64`: a letter outside the alphabet. The last three are good
            pictures: `escaped_base64` writes `\/` and `\u003d`, `urlsafe_base64` uses `-` and `_`,
            `spaced_base64` has line breaks every 76 letters.
    """

    kind: PictureFlaw


@dataclass(frozen=True, slots=True)
class PictureAs(Spoken):
    """A good answer to `generateContent` whose picture has another format."""

    format: Literal["jpeg", "webp", "png"]


SoundForm = Literal["pcm", "pcm_rfc", "wav", "endless_wav"]


@dataclass(frozen=True, slots=True)
class SoundAs(Spoken):
    """A good answer to `generateContent` whose speech has another form.

    Attributes:
        form: `pcm` samples under `audio/L16;codec=pcm;rate=24000`, `pcm_rfc` the same under
            `audio/l16; rate=24000; channels=1`, `wav` with a RIFF header, `endless_wav` with one
            that promises 4 GiB. A streamed WAV has its header in the first piece only.
    """

    form: SoundForm


@dataclass(frozen=True, slots=True)
class BrokenOff(Spoken):
    """Speech that is good as far as it goes, and says that it is not whole.

    Attributes:
        finish_reason: Why it ended.
    """

    finish_reason: str = "MAX_TOKENS"


SoundFlaw = Literal["empty", "odd", "html", "no_rate", "wrong_mime", "bad_base64"]


@dataclass(frozen=True, slots=True)
class BadSound(Spoken):
    """A complete answer to `generateContent` whose speech is not what it says.

    Attributes:
        kind: `empty` no sample; `odd` half a sample at the end; `html` a page under the sound's
            type; `no_rate` samples under a bare `audio/L16`, which are good; `wrong_mime` samples
            under `audio/mp3`; `bad_base64` a letter outside the alphabet.
    """

    kind: SoundFlaw
