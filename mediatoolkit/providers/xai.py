"""Pictures and films by xAI: as OpenAI, with flat errors, edits by JSON, and a queue for films.

Edits and films take pictures as data URLs. What a call cost comes in ticks of 1e-10 USD, also where
the content policy kept back what was made.
"""

import re
from decimal import Decimal
from typing import Any, ClassVar

from mediatoolkit.errors import ProviderError
from mediatoolkit.media import Image, Provenance, Video
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import ImagePrompt, VideoPrompt
from mediatoolkit.providers.capabilities import (
    Capabilities,
    Flag,
    ModelInfo,
    Number,
    OneOf,
    Pictures,
    Size,
    Taken,
)
from mediatoolkit.providers.documents import at, cost_record, text_at, without_none
from mediatoolkit.providers.jobs import PollAgain, answer_of
from mediatoolkit.providers.openai_like import (
    M,
    OpenAILike,
    OpenAILikeImageClient,
    P,
    at_most,
    data_url,
    data_urls,
)
from mediatoolkit.providers.openai_like_video import OpenAILikeVideoClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.transport import ErrorResponse, Json, Response

_MOST_TICKS = 10**15  # 100,000 USD; more is nonsense
_LARGEST = 50_000_000  # bytes of a picture; the vendor names no limit
_MEANINGS = {
    "content_moderation": re.compile(r"moderat|violates usage guidelines", re.IGNORECASE),
    "no_credits": re.compile(r"\bcredits\b", re.IGNORECASE),
    "wrong_key": re.compile(r"\bAPI key\b", re.IGNORECASE),
}
_REJECTED = "rejected"  # a status of our own
_SHAPES = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")


def _draws(most: int, **options: OneOf) -> Capabilities:
    return Capabilities(
        size=Size(("1K", "2K")),
        aspect=OneOf((*_SHAPES, "2:1", "1:2", "20:9", "9:20")),
        references=Pictures(most, _LARGEST),
        previous=Taken(),
        options=options,
        together=(at_most(most),),
    )


def _films(*resolutions: str) -> Capabilities:
    return Capabilities(
        seconds=Number(1, 15, whole=True, unit="seconds"),
        aspect=OneOf(_SHAPES),
        resolution=OneOf(resolutions),
        image=Taken(),
        references=Taken(),
        options={"generate_audio": Flag()},
        advice={
            "last": "instead of giving a last picture, say in the prompt how it ends.",
            "previous": "give the last picture of that film as image=.",
        },
    )


_LATEST = _draws(5, quality=OneOf(("low", "medium")))
_LATEST_FILM = _films("480p", "720p", "1080p")


class XAIClient(OpenAILike[P, M]):
    """What both clients of xAI have in common."""

    provider = "xai"
    label = "xAI"
    key_names = ("XAI_API_KEY",)
    default_base_url = "https://api.x.ai/v1"
    refusal_codes = frozenset({"content_moderation"})
    quota_codes = OpenAILike.quota_codes | {"no_credits"}
    key_codes = frozenset({"wrong_key"})

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error of a flat body, `{"code", "error"}`; what it means stands in its words."""
        code, words = text_at(response.document, "code"), _words(response.document)
        is_passing = response.status == 429 or response.status >= 500  # whatever the words name
        names = ("no_credits",) if is_passing else tuple(_MEANINGS)
        meanings = [name for name in names if _means(name, response.document)]
        codes = [*meanings, response.safe_text(code, 60)]
        return self.error_of(response, response.safe_text(words), codes)

    def rejected(self, response: Response, context: CallContext) -> ProviderError:
        """The refusal that a success stands for, with its price booked: that work is billed."""
        cost = _cost(response.document)
        if cost is not None and context.bill is not None:
            context.bill.settle(cost)
        words = _words(response.document) or "Rejected by content moderation."
        error = self.read_error(response.failed_part({"error": words}, response.status))
        error.may_have_been_billed = cost != 0
        return error


class XAIImageClient(XAIClient[ImagePrompt, Image], OpenAILikeImageClient):
    """Draws pictures with xAI's image models.

    Args:
        api_key: Left out, `XAI_API_KEY` is read.
        base_url: Left out, xAI's own, with the version in it.
        model: The vendor's name; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that pictures may be fetched from even when they are
            private; the key goes to none of them.

    `size=` is `"1K"` or `"2K"`, and `aspect=` the shape. `references=` are edited; the prompt names
    them `<IMAGE_0>`, `<IMAGE_1>` and so on, and `previous=` is the first of them.
    `options` may be `quality` (`"low"`, `"medium"`) with `grok-imagine-image-2.0`.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("xai/grok-imagine-image-2.0", _LATEST),
        ModelInfo("xai/grok-imagine-image", _draws(3)),
        ModelInfo("xai/grok-imagine-image-quality", _draws(3)),
    )
    unlisted = _LATEST

    def facts(self, prompt: ImagePrompt) -> Facts:
        """As for each client, with the size as the vendor calls it."""
        return {**super().facts(prompt), **without_none({"resolution": _resolution(prompt)})}

    def fields(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt*, with its pictures."""
        pictures = [{"url": url} for url in data_urls(prompt)]
        first = {"type": "image_url", **pictures[0]} if len(pictures) == 1 else None
        return {
            **super().fields(prompt),
            "aspect_ratio": prompt.aspect,
            "resolution": _resolution(prompt),
            "response_format": "b64_json",
            "image": first,
            "images": pictures if len(pictures) > 1 else None,
        }

    def cost_in(self, document: object) -> object:
        """What the response says that it cost, in USD, or None."""
        return _dollars(document)

    async def data_in(self, response: Response, context: CallContext) -> bytes:
        """As for each client; moderation empties a picture, or leaves it out."""
        picture = at(response.document, "data", 0)
        if at(response.document, "data") == [] or at(picture, "respect_moderation") is False:
            raise self.rejected(response, context)
        return await super().data_in(response, context)


class XAIVideoClient(XAIClient[VideoPrompt, Video], OpenAILikeVideoClient):
    """Films with xAI's video models.

    Args:
        api_key: Left out, `XAI_API_KEY` is read.
        base_url: Left out, xAI's own, with the version in it.
        model: The vendor's name; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that films may be fetched from even when they are
            private; the key goes to none of them.

    Films last 1 to 15 whole seconds and have sound, unless `options` say `generate_audio=False`.
    The vendor knows no cancel: a film that was begun is finished, and billed.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("xai/grok-imagine-video-1.5", _LATEST_FILM),
        ModelInfo("xai/grok-imagine-video", _films("480p", "720p")),
    )
    unlisted = _LATEST_FILM
    path = "/videos/generations"
    id_field = "request_id"
    failed = frozenset({"failed", "expired"})

    def to_wire(self, prompt: VideoPrompt) -> Json:
        """What is sent for *prompt*."""
        pictures = [{"url": data_url(picture)} for picture in prompt.references]
        fields = {
            "model": self.model,
            "prompt": prompt.text,
            "duration": None if prompt.seconds is None else int(prompt.seconds),
            "aspect_ratio": prompt.aspect,
            "resolution": prompt.resolution,
            "image": prompt.image and {"url": data_url(prompt.image)},
            "reference_images": pictures or None,
            **prompt.options,
        }
        return Json(without_none(fields))

    def address_of(self, _job_id: str, document: object) -> object:
        """Where the finished film is."""
        return at(document, "video", "url")

    def usage_of(self, document: object) -> dict[str, Any]:
        """What a finished film has cost."""
        return cost_record(_dollars(document))

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> Video | None:
        """The film, or None while the job runs."""
        path = f"/videos/{self.checked(job_id)}"
        response = await answer_of(self._state(path, context), context)
        status = _status(response)
        if status == "done":
            return await self.finished(job_id, response.document, provenance, context)
        if status in self.working:
            if response.document:
                self._report(status, response, context)
            return None
        if status not in (_REJECTED, *self.failed):
            raise PollAgain(f"xAI says that the film is {status!r}.")
        context.job_id = None  # the vendor says so of this job itself: nothing goes on
        if status == _REJECTED:
            raise self.rejected(response, context)
        raise self._no_film(status, response)

    async def _state(self, path: str, context: CallContext) -> Response:
        """How far the job is; moderation says no with status 400, and what that cost."""
        response = await self._transport.get(path, context, ok={200, 202, 400})
        if response.status == 400 and not _means("content_moderation", response.document):
            raise self.read_error(response.failed_part(response.document, 400))
        return response


def _resolution(prompt: ImagePrompt) -> str | None:
    return prompt.tier and prompt.tier.lower()


def _status(response: Response) -> str:
    """The vendor's word for how far the job is; older answers leave it out."""
    document = response.document
    video = at(document, "video")
    usual = "pending" if response.status == 202 else "done" if isinstance(video, dict) else ""
    status = response.safe_text(at(document, "status"), 40) or usual
    is_kept_back = at(video, "respect_moderation") is False
    is_rejected = is_kept_back or _means("content_moderation", document)
    return _REJECTED if is_rejected else status


def _words(document: object) -> str:
    """What an error says, which is a text or an object."""
    return text_at(document, "error") or text_at(document, "error", "message")


def _means(name: str, document: object) -> bool:
    words = f"{text_at(document, 'code')} {_words(document)}"
    return bool(_MEANINGS[name].search(words))


def _cost(document: object) -> Decimal | None:
    """What it cost, in USD; None where the vendor does not say."""
    ticks = at(document, "usage", "cost_in_usd_ticks")
    return Decimal(f"{ticks}e-10") if type(ticks) is int and 0 <= ticks < _MOST_TICKS else None


def _dollars(document: object) -> str | None:
    cost = _cost(document)
    return None if cost is None else f"{cost:f}"
