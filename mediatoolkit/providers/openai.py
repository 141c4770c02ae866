"""Pictures by OpenAI: `/images/generations`, and `/images/edits` with pictures to start from."""

import asyncio
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any, ClassVar

from mediatoolkit.errors import PromptError
from mediatoolkit.media.image import Image, transparent_where_white
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers import documents, http
from mediatoolkit.providers.base import ImageClient, pictures_of
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.openai_batch import OpenAIBatches
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.transport import DataURL, Dialect, Json, Multipart, Response

_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = rules.Size(tuple(_SIDES), smallest=(16, 16), largest=(3840, 2160), step=16, ratio=3)
_LARGEST_AUTO = (1536, 1024)  # where the model decides
_LARGEST_INLINE = (20_971_520 - 100) // 4 * 3
"""Bytes of a picture whose data URL has at most the characters that the vendor takes."""

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


class OpenAIImageClient(OpenAIBatches[ImagePrompt, Image], ImageClient):
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
        path, body = self.place_of(prompt), _to_wire(prompt, await _mask_of(prompt), self.model)
        if prompt.options.get("partial_images"):
            show = partial(self._show_partial, context=context)
            response = await self.last_event(".completed", path, body, context, show)
        else:
            response = await self._transport.post(path, body, context)
        context.report(Decoding())
        return await self.read_media(prompt, response)

    def check_batch(self, prompt: ImagePrompt) -> None:
        """Refuse what only a stream or a form can hold, too.

        Raises:
            PromptError: Says what.
        """
        super().check_batch(prompt)
        if prompt.options.get("partial_images"):
            raise PromptError("A batch shows no unfinished pictures: leave out partial_images.")
        largest = max((len(picture.data) for picture in pictures_of(prompt)), default=0)
        if largest > _LARGEST_INLINE:
            raise PromptError(
                f"In a batch OpenAI takes pictures of up to {_LARGEST_INLINE / 1e6:.1f} MB, not "
                f'{largest / 1e6:.1f}: make it smaller, or leave out on="batch".'
            )

    def place_of(self, prompt: ImagePrompt) -> str:
        """Where *prompt* is sent."""
        return "/images/edits" if pictures_of(prompt) else "/images/generations"

    async def body_for(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt* as JSON, with its pictures as data URLs."""
        fields = _fields(prompt, self.model)
        fields.pop("partial_images", None)
        pictures = [_data_url(picture) for picture in pictures_of(prompt)]
        mask = await _mask_of(prompt)
        return documents.without_none(
            {**fields, "images": pictures or None, "mask": mask and _data_url(mask)}
        )

    def received_for(self, prompt: ImagePrompt) -> int:
        """Bytes of the response: a pixel takes at most three, and a third more as base64."""
        width, height = _SIZE.pixels_of(prompt, _SIDES) or _LARGEST_AUTO
        return 4 * width * height

    async def read_media(
        self, prompt: ImagePrompt, response: Response, notes: Mapping[str, Any] | None = None
    ) -> Image:
        """The picture in a response, alone or in a batch."""
        document = response.document
        picture = documents.at(document, "data", 0) or document
        data = response.media_bytes(documents.at(picture, "b64_json"))
        provenance = await self.provenance(
            prompt,
            usage=_usage(documents.at(document, "usage")),
            request_id=response.request_id,
            notes=notes,
        )
        return await self.load_media(data, provenance=provenance)

    async def _show_partial(self, event: Response, context: CallContext) -> None:
        data = documents.text_at(event.document, "b64_json")
        if data:
            await self.report_partial(event.media_bytes(data), context)


def _to_wire(prompt: ImagePrompt, mask: Image | None, model: str) -> Json | Multipart:
    stream = {"stream": True} if prompt.options.get("partial_images") else {}
    fields = {**_fields(prompt, model), **stream}
    pictures = pictures_of(prompt)
    if not pictures:
        return Json(fields)
    return http.form(fields, image=pictures, mask=[mask] if mask else [])


def _fields(prompt: ImagePrompt, model: str) -> dict[str, Any]:
    pixels = _SIZE.pixels_of(prompt, _SIDES)
    size = pixels and "{}x{}".format(*pixels)
    return documents.without_none(
        {"model": model, "prompt": prompt.text, "size": size, **prompt.options}
    )


async def _mask_of(prompt: ImagePrompt) -> Image | None:
    return prompt.mask and await asyncio.to_thread(transparent_where_white, prompt.mask)


def _data_url(picture: Image) -> dict[str, DataURL]:
    return {"image_url": DataURL(picture.mime_type, picture.data)}


def _usage(usage: object) -> dict[str, Any]:
    """Tokens by kind of media; where the vendor names no kind, a request is text."""
    sides = []
    for side, alone in (("input", "TEXT"), ("output", "IMAGE")):
        details = documents.at(usage, f"{side}_tokens_details")
        tokens = {
            "TEXT": documents.at(details, "text_tokens"),
            "IMAGE": documents.at(details, "image_tokens"),
        }
        sides.append(documents.units_of(tokens, documents.at(usage, f"{side}_tokens"), alone=alone))
    return documents.usage_record(*sides, total=documents.at(usage, "total_tokens"))
