"""Pictures by OpenAI: `/images/generations`, and `/images/edits` with pictures to start from."""

import asyncio
from datetime import date
from functools import partial
from typing import Any, ClassVar

from mediatoolkit.media.image import Image, transparent_where_white
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers import http
from mediatoolkit.providers.base import ImageClient, pictures_of
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.transport import Dialect, Json, Multipart, Response

_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = rules.Size(tuple(_SIDES), smallest=(16, 16), largest=(3840, 2160), step=16, ratio=3)
_QUALITIES = ("auto", "low", "medium", "high")
_SUCCESSOR = "openai/gpt-image-2.6-sunburst"


def _takes(size: rules.Rule, qualities: tuple[str, ...], **options: rules.Rule) -> Capabilities:
    return Capabilities(
        size=size,
        aspect=rules.OneOf(rules.COMMON_ASPECTS) if size is _SIZE else None,
        references=rules.Pictures(most=16, largest=50_000_000),
        mask=rules.Taken(),
        previous=rules.Taken(),
        options={
            "quality": rules.OneOf(qualities),
            "background": rules.OneOf(("auto", "opaque", "transparent")),
            "output_format": rules.OneOf(("png", "jpeg", "webp")),
            "output_compression": rules.Number(0, 100, whole=True),
            "moderation": rules.OneOf(("auto", "low")),
            "partial_images": rules.Number(0, 3, whole=True),
            **options,
        },
        together=(
            rules.needs("background", "transparent", output_format=("png", "webp", None)),
            rules.needs("output_compression", None, output_format=("jpeg", "webp")),
        ),
        longest=32_000,
    )


_LATEST = _takes(_SIZE, (*_QUALITIES, "xhigh", "max"), complexity=rules.OneOf(_QUALITIES[1:]))
_OLDER_SIZE = rules.OneOf(("1024x1024", "1536x1024", "1024x1536"))
_OLDER = _takes(_OLDER_SIZE, _QUALITIES, input_fidelity=rules.OneOf(("high", "low")))


class OpenAIImageClient(http.HttpClient[ImagePrompt, Image], ImageClient):
    """Draws pictures with OpenAI's image models.

    Args:
        api_key: Left out, `OPENAI_API_KEY` is read.
        base_url: Left out, `OPENAI_BASE_URL`, then OpenAI's own, with the version in it.
        model: The vendor's name; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.

    A prompt's `options` may be: `quality` (`"low"` to `"max"`), `background` (`"transparent"`,
    `"opaque"`), `output_format` (`"png"`, `"jpeg"`, `"webp"`), `output_compression` (0 to 100),
    `moderation` (`"low"`), `complexity` (`"low"` to `"high"`), `partial_images` (0 to 3: so many
    unfinished pictures are shown meanwhile; each of them is billed).

    `references=` are edited, where `mask=` is white if there is one; `previous=` is sent as the
    first of them. `size=` is in pixels or a tier, to which `aspect=` gives the shape.
    """

    provider = "openai"
    label = "OpenAI"
    key_names = ("OPENAI_API_KEY",)
    default_base_url = "https://api.openai.com/v1"
    base_url_names = ("OPENAI_BASE_URL",)
    default_timeout = Timeout(total=600)
    media_fields = ("b64_json",)
    refusal_codes = frozenset({"moderation_blocked", "image_generation_user_error"})
    quota_codes = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
    dialect = Dialect(
        retryable=frozenset({408, 409, 429, *range(500, 600)}),
        retry_after_ms=("retry-after-ms",),
        should_retry=("x-should-retry",),
        requests_left=(("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),),
    )
    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo(_SUCCESSOR, _LATEST),
        ModelInfo("openai/gpt-image-2.6-flare", _LATEST),
        ModelInfo("openai/gpt-image-2.5-sunburst", _LATEST),
        ModelInfo("openai/gpt-image-2.5-flare", _LATEST),
        ModelInfo("openai/gpt-image-2", _takes(_SIZE, _QUALITIES)),
        ModelInfo("openai/gpt-image-1.5", _OLDER, date(2026, 12, 1), _SUCCESSOR),
        ModelInfo("openai/gpt-image-1-mini", _OLDER, date(2026, 12, 1), _SUCCESSOR),
        ModelInfo("openai/chatgpt-image-latest", _OLDER, date(2026, 12, 1), _SUCCESSOR),
        ModelInfo("openai/gpt-image-1", _OLDER, date(2026, 10, 23), _SUCCESSOR),
    )
    unlisted = _LATEST

    def facts(self, prompt: ImagePrompt) -> Facts:
        """As for each client, with the size in pixels."""
        pixels = _SIZE.pixels_of(prompt, _SIDES)
        size = {"size": "{}x{}".format(*pixels)} if pixels else {}
        return {**super().facts(prompt), **size}

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Send *prompt* and read the picture, after the unfinished ones if there are any."""
        mask = prompt.mask and await asyncio.to_thread(transparent_where_white, prompt.mask)
        path, body = _to_wire(prompt, mask, self.model)
        if prompt.options.get("partial_images"):
            show = partial(self._show_partial, context=context)
            response = await self.last_event(".completed", path, body, context, show)
        else:
            response = await self._transport.post(path, body, context)
        context.report(Decoding())
        picture = http.at(response.document, "data", 0) or response.document
        data = response.media_bytes(http.at(picture, "b64_json"))
        usage = _usage(http.at(response.document, "usage"))
        provenance = await self.provenance(prompt, usage=usage, request_id=response.request_id)
        return await self.load_media(data, provenance=provenance)

    async def _show_partial(self, event: Response, context: CallContext) -> None:
        data = http.text_at(event.document, "b64_json")
        if data:
            await self.report_partial(event.media_bytes(data), context)


def _to_wire(prompt: ImagePrompt, mask: Image | None, model: str) -> tuple[str, Json | Multipart]:
    pixels = _SIZE.pixels_of(prompt, _SIDES)
    fields = http.without_none(
        {
            "model": model,
            "prompt": prompt.text,
            "size": pixels and "{}x{}".format(*pixels),
            **prompt.options,
            "stream": bool(prompt.options.get("partial_images")) or None,
        }
    )
    pictures = pictures_of(prompt)
    if not pictures:
        return "/images/generations", Json(fields)
    return "/images/edits", http.form(fields, image=pictures, mask=[mask] if mask else [])


def _usage(usage: object) -> dict[str, Any]:
    """Tokens by kind of media; where the vendor names no kind, a request is text."""
    sides = []
    for side, alone in (("input", "TEXT"), ("output", "IMAGE")):
        details = http.at(usage, f"{side}_tokens_details")
        tokens = {
            "TEXT": http.at(details, "text_tokens"),
            "IMAGE": http.at(details, "image_tokens"),
        }
        sides.append(http.units_of(tokens, http.at(usage, f"{side}_tokens"), alone=alone))
    return http.usage_record(*sides, total=http.at(usage, "total_tokens"))
