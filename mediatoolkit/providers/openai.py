"""Pictures by OpenAI: `/images/generations`, and `/images/edits` with pictures to start from."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from mediatoolkit.errors import PromptError
from mediatoolkit.media import Image
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers.base import pictures_of
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.documents import at, without_none
from mediatoolkit.providers.openai_batch import OpenAIBatchClient
from mediatoolkit.providers.openai_like import (
    OpenAILikeImageClient,
    at_most,
    data_url,
    data_urls,
    mask_of,
)
from mediatoolkit.transport import Dialect, Response

_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = rules.Size(tuple(_SIDES), smallest=(16, 16), largest=(3840, 2160), step=16, ratio=3)
_LARGEST_AUTO = (1536, 1024)  # where the model decides
_LARGEST_INLINE = (20_971_520 - 100) // 4 * 3
"""Bytes of a picture whose data URL has at most the characters that the vendor takes."""

_MOST_PICTURES = 16
_QUALITIES = ("auto", "low", "medium", "high")
_SUCCESSOR = "openai/gpt-image-2.6-sunburst"


def _takes(size: rules.Rule, qualities: tuple[str, ...], **options: rules.Rule) -> Capabilities:
    return Capabilities(
        size=size,
        aspect=rules.OneOf(rules.COMMON_ASPECTS) if size is _SIZE else None,
        references=rules.Pictures(_MOST_PICTURES, largest=50_000_000),
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
            at_most(_MOST_PICTURES),
            rules.needs("background", "transparent", output_format=("png", "webp", None)),
            rules.needs("output_compression", None, output_format=("jpeg", "webp")),
        ),
        longest=32_000,
        streams=True,
    )


_LATEST = _takes(_SIZE, (*_QUALITIES, "xhigh", "max"), complexity=rules.OneOf(_QUALITIES[1:]))
_OLDER_SIZE = rules.OneOf(("1024x1024", "1536x1024", "1024x1536"))
_OLDER = _takes(_OLDER_SIZE, _QUALITIES, input_fidelity=rules.OneOf(("high", "low")))


class OpenAIImageClient(OpenAILikeImageClient, OpenAIBatchClient[ImagePrompt, Image]):
    """Draws pictures with OpenAI's image models.

    Args:
        api_key: Left out, `OPENAI_API_KEY` is read.
        base_url: Left out, `OPENAI_BASE_URL`, then OpenAI's own, with the version in it.
        model: The vendor's name; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that pictures may be fetched from even when they are
            private; the key goes to none of them.

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
    edits_by_form = True
    refusal_codes = frozenset({"moderation_blocked", "image_generation_user_error"})
    quota_codes = OpenAILikeImageClient.quota_codes | {"billing_hard_limit_reached"}
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

    def fields(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt*."""
        pixels = _SIZE.pixels_of(prompt, _SIDES)
        return {**super().fields(prompt), "size": pixels and "{}x{}".format(*pixels)}

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

    async def body_for(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt* as JSON, with its pictures as data URLs."""
        pictures = [{"image_url": url} for url in data_urls(prompt)]
        mask = await mask_of(prompt)
        sources = {"images": pictures or None, "mask": mask and {"image_url": data_url(mask)}}
        return without_none({**self.fields(prompt), "partial_images": None, **sources})

    def received_for(self, prompt: ImagePrompt) -> int:
        """Bytes of the response: a pixel takes at most three, and a third more as base64."""
        width, height = _SIZE.pixels_of(prompt, _SIDES) or _LARGEST_AUTO
        return 4 * width * height

    async def read_media(
        self, prompt: ImagePrompt, response: Response, notes: Mapping[str, Any] | None = None
    ) -> Image:
        """The picture in a response of a batch."""
        data = response.media_bytes(at(response.document, "data", 0, "b64_json"))
        return await self.picture_of(data, prompt, response, notes)
