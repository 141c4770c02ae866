"""Pictures by `models/{model}:generateContent`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.media import Image
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.capabilities import (
    COMMON_ASPECTS,
    Capabilities,
    Flag,
    ModelInfo,
    Number,
    OneOf,
    Rule,
    Size,
    Taken,
    Text,
)
from mediatoolkit.providers.documents import sum_of_usage, without_none
from mediatoolkit.providers.gemini.batch import GeminiBatches
from mediatoolkit.providers.gemini.errors import read_block, response_id
from mediatoolkit.providers.gemini.service import (
    CONTINUATIONS,
    LARGEST_SEED,
    candidate_of,
    check_weight,
    continued,
    media_of,
    parts_of,
    usage_of,
)
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Decoding

if TYPE_CHECKING:
    from mediatoolkit.transport import Response

_SMALLER = (
    "Each turn with previous= sends all earlier ones again: go on from the last picture alone, "
    "references=[picture], or give smaller references."
)
_CATEGORIES = OneOf(
    ("harassment", "hate_speech", "sexually_explicit", "dangerous_content", "civic_integrity")
)
_THRESHOLDS = OneOf(
    ("block_none", "off", "block_only_high", "block_medium_and_above", "block_low_and_above")
)


class Safety(Rule):
    """A threshold for each category of harm."""

    def check(self, name: str, value: Any, owner: str, /) -> None:
        """Refuse what is not in the vendor's schema."""
        if not isinstance(value, Mapping):
            raise PromptError(f"{name} takes Mapping, not {type(value).__name__}.")
        for category, threshold in value.items():
            _CATEGORIES.check(name, str(category).lower(), owner)
            _THRESHOLDS.check(name, str(threshold).lower(), owner)


_OPTIONS: dict[str, Rule] = {
    "include_thoughts": Flag(),
    "media_resolution": OneOf(("low", "medium", "high")),
    "safety": Safety(),
    "service_tier": OneOf(("flex", "standard", "priority")),
    "system": Text(),
    "temperature": Number(0, 2),
    "thinking": OneOf(("minimal", "low", "medium", "high", "xhigh")),
    "thinking_budget": Number(-1, 100_000, whole=True),
    "top_k": Number(1, 1_000, whole=True),
    "top_p": Number(0, 1),
}


def _takes(size: Rule, aspect: Rule) -> Capabilities:
    return Capabilities(
        size=size,
        aspect=aspect,
        seed=Number(0, LARGEST_SEED, whole=True),
        references=Taken(),
        previous=Taken(),
        options=_OPTIONS,
        advice={"mask": "say in the prompt which part of the picture changes."},
    )


_USUAL = OneOf(COMMON_ASPECTS)
_LONG = OneOf((*COMMON_ASPECTS, "1:4", "4:1", "1:8", "8:1"))
_TIERS = ("1K", "2K", "4K")


_MIB = 1 << 20
_RECEIVED = {"512": 4 * _MIB, "1K": 8 * _MIB, "2K": 20 * _MIB, "4K": 60 * _MIB}
"""Bytes of a response by tier: twice what was recorded at 1K, and in proportion."""

_NO_TURN: Mapping[str, Any] = {"parts": ()}


@dataclass(frozen=True, slots=True)
class _Turns:
    """All that was said so far, as the wire has it; pictures stay bytes."""

    contents: tuple[Mapping[str, Any], ...]


class GeminiImageClient(GeminiBatches[ImagePrompt, Image], ImageClient):
    """Draws pictures with Google's Gemini image models.

    Args:
        api_key: Left out, `GOOGLE_API_KEY` then `GEMINI_API_KEY` are read.
        base_url: Left out, `GOOGLE_GEMINI_BASE_URL`, then Google's own.
        model: The vendor's name; one that is newer than this package is fine.
        api_version: `"v1"` or `"v1beta"` (needed for `gemini-*-latest`).
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that files may be fetched from even when they are
            private; the key goes to none of them.

    A prompt's `options` may be: `temperature` (0 to 2), `top_p` (0 to 1), `top_k`, `thinking`
    (`"minimal"` to `"xhigh"`), `thinking_budget` (tokens), `include_thoughts` (the vendor then
    also draws interim pictures; they are skipped), `system` (an instruction), `safety` (such as
    `{"harassment": "block_only_high"}`), `media_resolution` (`"low"`, `"medium"`, `"high"`),
    `service_tier` (`"flex"`, `"standard"`, `"priority"`).

    `previous=` goes on from a picture of this session as a chat does: every earlier turn is sent
    again and paid as input, with its pictures and signatures, some 4 MB a turn at `"1K"` and more
    at larger sizes. A request of more than 100 MiB is refused before it is sent; then
    `references=[picture]` goes on from the picture alone.

    Raises:
        AuthenticationError: There is no key, or it cannot be one.
        PromptError: The model's name cannot be one.
        UnsafeURLError: *base_url* is not an http(s) address.
    """

    local_verb = "draw"
    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("gemini/gemini-3.1-flash-image", _takes(Size(("512", *_TIERS)), _LONG)),
        ModelInfo("gemini/gemini-3.1-flash-lite-image", _takes(Size(("1K",)), _USUAL)),
        ModelInfo("gemini/gemini-3-pro-image", _takes(Size(_TIERS), _USUAL)),
        ModelInfo("gemini/gemini-nano-banana-2.1", _takes(Size(_TIERS), _LONG)),
        ModelInfo(
            "gemini/gemini-2.5-flash-image",
            _takes(Size(("1K",)), _USUAL),
            ends=date(2026, 10, 2),
            successor="gemini/gemini-3.1-flash-image",
        ),
    )
    unlisted = _takes(Size((), others=True), Taken())

    def check(self, prompt: ImagePrompt) -> None:
        """Refuse what this model does not take.

        Raises:
            PromptError: Names what it takes.
        """
        super().check(prompt)
        if prompt.references or prompt.previous:  # no text weighs that much
            check_weight(_to_wire(prompt), _SMALLER)

    def facts(self, prompt: ImagePrompt) -> Facts:
        """As for each client; the turns before it go in again, and an instruction does, too."""
        if prompt.previous is None and not prompt.options.get("system"):
            return super().facts(prompt)
        document = _to_wire(prompt)
        turns = [*document["contents"], document.get("systemInstruction", _NO_TURN)]
        parts = [part for turn in turns for part in turn["parts"]]
        words = "".join(part.get("text", "") for part in parts)
        pictures = sum("inlineData" in part for part in parts)
        sent = {"characters": len(words), "bytes": len(words.encode()), "input_images": pictures}
        return {**super().facts(prompt), **sent}

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Send *prompt* and read the picture; several posts only where the vendor asks for it."""
        document = request = _to_wire(prompt)
        parts: list[dict[str, Any]] = []
        responses: list[Response] = []
        for _ in range(CONTINUATIONS):
            try:
                response = await self._transport.request(
                    "POST",
                    self._path("generateContent"),
                    context,
                    body=request,
                    headers={"x-server-timeout": str(math.ceil(context.left()))},
                )
                parts += parts_of(candidate_of(response), response)
            except MediaToolkitError as error:
                error.may_have_been_billed |= bool(responses)
                raise
            responses.append(response)
            rest = continued(document, response)
            if rest is None:
                break
            request = rest
        context.report(Decoding())
        return await self._picture_of(prompt, document, parts, responses)

    def request_for(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt*, alone or in a batch."""
        return _to_wire(prompt)

    def received_for(self, prompt: ImagePrompt) -> int:
        """Bytes of the response: a picture as base64, and its signature, which may be larger."""
        return _RECEIVED.get(prompt.tier or "1K", max(_RECEIVED.values()))

    async def read_media(
        self, prompt: ImagePrompt, response: "Response", notes: Mapping[str, Any] | None = None
    ) -> Image:
        """The picture in one response of a batch."""
        parts = parts_of(candidate_of(response), response)
        return await self._picture_of(prompt, _to_wire(prompt), parts, [response], notes)

    async def _picture_of(
        self,
        prompt: ImagePrompt,
        document: Mapping[str, Any],
        parts: list[dict[str, Any]],
        responses: "list[Response]",
        notes: Mapping[str, Any] | None = None,
    ) -> Image:
        """The picture in *parts*, which came in one or several responses to *document*."""
        pictures = media_of(parts)
        if not pictures:
            failure = read_block(responses[-1])
            failure.may_have_been_billed |= len(responses) > 1
            raise failure
        answer = {"role": "model", "parts": parts}
        return await self.load_media(
            bytes(pictures[0]["data"]),
            provenance=await self.provenance(
                prompt,
                usage=reduce(sum_of_usage, map(usage_of, responses)),
                request_id=response_id(responses[-1]),
                notes=notes,
            ),
            conversation=_Turns((*document["contents"], answer)),
        )


def _to_wire(prompt: ImagePrompt) -> dict[str, Any]:
    previous = prompt.previous
    earlier = previous.conversation if previous else None
    contents: tuple[Mapping[str, Any], ...] = ()
    references = tuple(prompt.references)
    if isinstance(earlier, _Turns):
        contents = earlier.contents
    elif previous is not None:  # read from a file, or drawn elsewhere: its pixels still speak
        references = (previous, *references)
    pictures = [
        {"inlineData": {"mimeType": image.mime_type, "data": image.data}} for image in references
    ]
    turn = {"role": "user", "parts": [*pictures, {"text": prompt.text}]}
    options = prompt.options
    level, resolution = options.get("thinking"), options.get("media_resolution")
    shape = {"aspectRatio": prompt.aspect, "imageSize": prompt.tier}
    thinking = {
        "includeThoughts": options.get("include_thoughts"),
        "thinkingBudget": options.get("thinking_budget"),
        "thinkingLevel": level and level.upper(),
    }
    config = {
        "responseModalities": ["IMAGE"],
        "imageConfig": without_none(shape) or None,
        "seed": prompt.seed,
        "temperature": options.get("temperature"),
        "topP": options.get("top_p"),
        "topK": options.get("top_k"),
        "thinkingConfig": without_none(thinking) or None,
        "mediaResolution": resolution and f"MEDIA_RESOLUTION_{resolution.upper()}",
    }
    system, safety = options.get("system"), options.get("safety")
    document = {
        "contents": [*contents, turn],
        "generationConfig": without_none(config),
        "systemInstruction": {"role": "user", "parts": [{"text": system}]} if system else None,
        "safetySettings": [
            {"category": f"HARM_CATEGORY_{category.upper()}", "threshold": threshold.upper()}
            for category, threshold in safety.items()
        ]
        if safety
        else None,
        "serviceTier": options.get("service_tier"),
    }
    return without_none(document)
