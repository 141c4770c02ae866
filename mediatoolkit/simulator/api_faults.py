"""Faults in what a vendor says, for every vendor; each one writes them in its own words.

A vendor without words for one of them goes on as if nothing were wrong. Faults of one vendor alone
stand in its own folder.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal


class ApiFault:
    """Base of the faults that change what a vendor says."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Status(ApiFault):
    """The vendor answers with an error status.

    Attributes:
        code: HTTP status, 400 to 599.
        message: Left out, a usual sentence for that code.
        status: The vendor's word for the code, such as `"RESOURCE_EXHAUSTED"`.
        retry_delay: How long to wait, told in the body, such as `"27s"` or `"1.203608125s"`.
        retry_after: Value of a `Retry-After` header, seconds or an HTTP date.
        retry_after_ms: Value of OpenAI's header `retry-after-ms`.
        should_retry: Value of OpenAI's header `x-should-retry`.
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
    retry_after_ms: int | None = None
    should_retry: bool | None = None
    per_day: bool = False
    quota: int = 10
    html: bool = False
    array_envelope: bool = False
    word: str | None = None


@dataclass(frozen=True, slots=True)
class EchoKey(ApiFault):
    """An error whose message quotes the caller's key back."""

    code: int = 400


@dataclass(frozen=True, slots=True)
class StreamError(ApiFault):
    """A stream begins well and then carries an error object; other calls get `Status(code)`."""

    code: int = 503
    message: str = "The model is overloaded."


GarbageKind = Literal[
    "empty", "html", "deep", "utf8", "null", "list", "string", "nan", "shapes", "parts", "inline"
]


@dataclass(frozen=True, slots=True)
class Garbage(ApiFault):
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
class BadPicture(ApiFault):
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
class PictureAs(ApiFault):
    """A good answer to `generateContent` whose picture has another format."""

    format: Literal["jpeg", "webp", "png"]


@dataclass(frozen=True, slots=True)
class TextOnly(ApiFault):
    """The model answers in words instead of a picture or film, with a normal end."""

    text: str = "I can't create that picture."


@dataclass(frozen=True, slots=True)
class PromptBlocked(ApiFault):
    """The content policy refuses the prompt: status 200, no candidate."""

    reason: str = "PROHIBITED_CONTENT"
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Moderated(ApiFault):
    """The content policy rejects what was made, which is billed where the vendor tells its cost.

    xAI has four forms of it, beside the one for a prompt, `PromptBlocked`. For a film, it is asked
    for with the start, and a poll says it.

    Attributes:
        form: `slot` a picture or film without an address, and `respect_moderation` false; `empty`
            no picture at all; `rejected` status 400, with the cost of a film; `coded` status 400
            with a code of its own.
    """

    form: Literal["slot", "empty", "rejected", "coded"] = "rejected"


@dataclass(frozen=True, slots=True)
class EndsAs(ApiFault):
    """Work in the background comes to another end than `completed`.

    Asked for with a start, it is how the work ends once its polls have come; with a poll, how it
    ends now; with a cancel, only what the answer says. A word of the vendor's for work that still
    runs, such as `EndsAs("in_progress")`, never ends: with a start it runs for ever, with a poll
    for this poll, and a cancel is not confirmed.

    Attributes:
        status: The vendor's word, such as `failed`, `cancelled`, `expired`, or Gemini's
            `incomplete`, `budget_exceeded`, `requires_action`, or one no document knows.
        message: Why, or None.
        code: The vendor's word for that.
    """

    status: str
    _: KW_ONLY
    message: str | None = None
    code: str = "internal"


@dataclass(frozen=True, slots=True)
class Expired(ApiFault):
    """The address of a result has ended when the vendor tells it: the file host says 403."""


@dataclass(frozen=True, slots=True)
class InBatch(ApiFault):
    """A batch, or single requests of it, go wrong. Asked for with the start of the batch.

        sim.then(faults.InBatch({0: faults.PromptBlocked(), 3: faults.Status(500)}), at="start")

    Attributes:
        requests: What single requests meet, by their position from 0.
        ends: Left out, it completes. `failed` does no request; `expired` ends it in the middle.
        done: How many requests are done when it expires. Gemini hands over none of them.
        missing: Positions of requests that are done, and billed, and whose results never come.
        backwards: The results come in another order than the requests.
        stops: Whether a cancel stops it; else it goes on to its end all the same.
    """

    requests: Mapping[int, ApiFault] = field(default_factory=dict)
    _: KW_ONLY
    ends: Literal["failed", "expired"] | None = None
    done: int = 0
    missing: tuple[int, ...] = ()
    backwards: bool = False
    stops: bool = True
