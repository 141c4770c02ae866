"""Pictures, speech and films by OpenRouter, which passes prompts on to many vendors.

Models have owners, such as `google/veo-3.1`. What a picture or a film cost stands in the response;
what speech cost is asked for by the id of the call.
"""

from typing import Any, ClassVar

from mediatoolkit.errors import MediaToolkitError, ProviderError, RefusalError
from mediatoolkit.media import Audio, Image, Video
from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers.base import pictures_of
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
from mediatoolkit.providers.documents import at, cost_record, without_none
from mediatoolkit.providers.http import NAMESPACED, facts_of, sentence
from mediatoolkit.providers.openai_like import M, OpenAILike, OpenAILikeImageClient, P, data_url
from mediatoolkit.providers.openai_like_speech import OpenAILikeSpeechClient
from mediatoolkit.providers.openai_like_video import OpenAILikeVideoClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.transport import Dialect, ErrorResponse, Json, Response
from mediatoolkit.transport.policy import RETRYABLE

_COST_WITHIN = 2.0
"""Seconds that the question for the cost of speech may take; the speech itself is there."""

_LARGEST = 50_000_000  # bytes of a picture; no limit is named
_SEED = Number(0, LARGEST_SEED, whole=True)

_PICTURES = Capabilities(
    size=Size(("512", "1K", "2K", "4K"), smallest=(64, 64), largest=(8192, 8192)),
    aspect=Taken(),
    seed=_SEED,
    references=Pictures(16, _LARGEST),
    previous=Taken(),
    streams=True,
    options={
        "quality": OneOf(("auto", "low", "medium", "high", "xhigh", "max")),
        "background": OneOf(("auto", "opaque", "transparent")),
        "output_format": OneOf(("png", "jpeg", "webp")),
        "output_compression": Number(0, 100, whole=True),
        "provider": Taken(),
        "stream": Flag(),
    },
)
_SPEECH = Capabilities(
    voice=Taken(),
    style=Taken(),
    speed=Taken(),
    speakers=Taken(),
    streams=True,
    options={"response_format": OneOf(("mp3", "pcm")), "provider": Taken()},
)
_FILMS = Capabilities(
    seconds=Number(1, 600, whole=True, unit="seconds"),
    aspect=Taken(),
    resolution=Taken(),
    seed=_SEED,
    image=Taken(),
    last=Taken(),
    references=Taken(),
    options={"generate_audio": Flag(), "provider": Taken()},
    advice={"previous": "give the last picture of that film as image=."},
)


class OpenRouterClient(OpenAILike[P, M]):
    """What all clients of OpenRouter have in common."""

    provider = "openrouter"
    label = "OpenRouter"
    key_names = ("OPENROUTER_API_KEY",)
    default_base_url = "https://openrouter.ai/api/v1"
    model_names = NAMESPACED
    refusal_codes = frozenset({"moderation_blocked"})
    dialect = Dialect(
        retryable=RETRYABLE | {529},
        retry_after_ms=("retry-after-ms",),
        request_id=("x-generation-id", "x-request-id"),
    )

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error of a response; the vendor behind the gateway has its words in `metadata`."""
        error = at(response.document, "error")
        reason = response.safe_text(at(error, "metadata", "reasons", 0), 60)
        words = response.safe_text(at(error, "message"))
        if reason:
            return RefusalError(
                f"{self.label} refused the prompt ({reason}): {sentence(words)} Say it "
                "differently.",
                reason=reason,
                **facts_of(response),
            )
        behind = response.safe_text(at(error, "metadata", "raw"), 200)
        if not behind:
            return super().read_error(response)
        name = response.safe_text(at(error, "metadata", "provider_name"), 60) or "the vendor"
        return self.error_of(response, f"{sentence(words)} {name}: {behind}".strip())


class OpenRouterImageClient(OpenRouterClient[ImagePrompt, Image], OpenAILikeImageClient):
    """Draws pictures with the models behind OpenRouter.

    Args:
        api_key: Left out, `OPENROUTER_API_KEY` is read.
        base_url: Left out, OpenRouter's own, with the version in it.
        model: OpenRouter's name, with its owner; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that pictures may be fetched from even when they are
            private; the key goes to none of them.

    A prompt's `options` may be `quality`, `background`, `output_format`, `output_compression`,
    `stream` (unfinished pictures are shown, where the model draws some) and `provider`, a mapping
    that says which vendors may draw it. Each model takes some of all this.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("openrouter/google/gemini-3.1-flash-image", _PICTURES),
        ModelInfo("openrouter/openai/gpt-image-2.6-flare", _PICTURES),
    )
    unlisted = _PICTURES
    path = "/images"
    edit_path = None

    def fields(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt*, with its pictures."""
        return {
            **super().fields(prompt),
            "size": prompt.pixels and str(prompt.size),
            "resolution": prompt.tier,
            "aspect_ratio": prompt.aspect,
            "seed": prompt.seed,
            "input_references": [_reference(each) for each in pictures_of(prompt)] or None,
        }


class OpenRouterSpeechClient(OpenRouterClient[SpeechPrompt, Audio], OpenAILikeSpeechClient):
    """Speaks with the models behind OpenRouter; arguments as for `OpenRouterImageClient`.

    Each model has voices of its own, and takes some of `style=`, `speed=` and `speakers=`.
    `options` may be `response_format` (`"mp3"`, or `"pcm"`, which becomes a WAV) and `provider`.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("openrouter/google/gemini-3.8-flash-tts", _SPEECH),
        ModelInfo("openrouter/mistralai/voxtral-mini-tts-3-0", _SPEECH),
        ModelInfo("openrouter/openai/gpt-4o-mini-tts-2025-12-15", _SPEECH),
    )
    unlisted = _SPEECH

    def to_wire(self, prompt: SpeechPrompt) -> dict[str, Any]:
        """What is sent for *prompt*; a dialogue is a list of what each one says."""
        fields = super().to_wire(prompt)
        if prompt.speakers:
            fields["input"] = [
                {"text": words, "voice": prompt.speakers[speaker or ""]}
                for speaker, words in prompt.lines()
            ]
        return fields

    async def usage_of(self, response: Response, context: CallContext) -> dict[str, Any]:
        """What was used up, and what it cost by the vendor's record of the call, if it is there."""
        usage = await super().usage_of(response, context)
        name = response.headers.get("x-generation-id", "")
        if not name:
            return usage
        try:
            async with CallContext(min(_COST_WITHIN, context.left() / 2)) as asking:
                record = await self._transport.get("/generation", asking, query={"id": name})
        except MediaToolkitError:  # speech that is paid for is never lost over its price
            return usage
        return {**usage, **cost_record(at(record.document, "data", "total_cost"))}


class OpenRouterVideoClient(OpenRouterClient[VideoPrompt, Video], OpenAILikeVideoClient):
    """Films with the models behind OpenRouter; arguments as for `OpenRouterImageClient`.

    `options` may be `generate_audio` and `provider`. Each model takes some lengths, shapes and
    resolutions. Nobody can stop a film that was submitted.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (ModelInfo("openrouter/google/veo-3.1", _FILMS),)
    unlisted = _FILMS
    polling = Polling(first=10, cap=30)

    def to_wire(self, prompt: VideoPrompt) -> Json:
        """What is sent for *prompt*."""
        places = {"first_frame": prompt.image, "last_frame": prompt.last}
        frames = [
            {**_reference(picture), "frame_type": place}
            for place, picture in places.items()
            if picture is not None
        ]
        fields = {
            "model": self.model,
            "prompt": prompt.text,
            "duration": None if prompt.seconds is None else int(prompt.seconds),
            "resolution": prompt.resolution and prompt.resolution.replace("k", "K"),
            "aspect_ratio": prompt.aspect,
            "seed": prompt.seed,
            "frame_images": frames or None,
            "input_references": [_reference(each) for each in prompt.references] or None,
            **prompt.options,
        }
        return Json(without_none(fields))

    def address_of(self, job_id: str, _document: object) -> str:
        """Where the finished film is; addresses that the vendor names lead there, too."""
        return f"videos/{job_id}/content?index=0"

    def usage_of(self, document: object) -> dict[str, Any]:
        """What a finished film cost."""
        return cost_record(at(document, "usage", "cost"))


def _reference(picture: Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(picture)}}
