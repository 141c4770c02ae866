"""Pictures, speech and films by Together, which serves open models and others; they have owners."""

from typing import Any, ClassVar

from mediatoolkit.errors import PromptError
from mediatoolkit.media import Audio, Image, Video
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers.base import pictures_of
from mediatoolkit.providers.capabilities import (
    COMMON_ASPECTS,
    Capabilities,
    Flag,
    ModelInfo,
    Number,
    OneOf,
    Pictures,
    Size,
    Taken,
    Text,
    needs,
)
from mediatoolkit.providers.documents import at, cost_record, objects_at, text_at, without_none
from mediatoolkit.providers.http import NAMESPACED
from mediatoolkit.providers.openai_like import (
    M,
    OpenAILike,
    OpenAILikeImageClient,
    P,
    data_url,
    data_urls,
)
from mediatoolkit.providers.openai_like_speech import OpenAILikeSpeechClient
from mediatoolkit.providers.openai_like_video import OpenAILikeVideoClient
from mediatoolkit.runtime.context import Timeout, context_for
from mediatoolkit.transport import Dialect, Json

_LARGEST = 50_000_000  # bytes of a picture; no limit is named
_SEED = Number(0, LARGEST_SEED, whole=True)
_STEPS = Number(1, 1000, whole=True)
_GUIDANCE = Number(0, 100)
_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = Size(tuple(_SIDES), smallest=(64, 64), largest=(4096, 4096), step=16)

_PICTURES = Capabilities(
    size=_SIZE,
    aspect=OneOf(COMMON_ASPECTS),
    seed=_SEED,
    references=Pictures(8, _LARGEST),
    previous=Taken(),
    options={
        "steps": _STEPS,
        "guidance_scale": _GUIDANCE,
        "negative_prompt": Text(),
        "output_format": OneOf(("jpeg", "png")),
        "image_loras": Taken(),
        "disable_safety_checker": Flag(),
    },
)
_SPEECH = Capabilities(
    voice=Taken(),
    language=Taken(),
    streams=True,
    options={
        "response_format": OneOf(("mp3", "wav")),
        "sample_rate": Number(8_000, 48_000, whole=True, unit="hertz"),
        "bit_rate": Number(32_000, 192_000, whole=True, unit="bits a second"),
        "extra_params": Taken(),
    },
    together=(needs("bit_rate", None, response_format=("mp3",)),),
    advice={"speed": "it speaks at the pace of its voice."},
)
_FILMS = Capabilities(
    seconds=Number(1, 600, whole=True, unit="seconds"),
    aspect=Taken(),
    resolution=Taken(),
    seed=_SEED,
    image=Taken(),
    last=Taken(),
    references=Taken(),
    options={
        "fps": Number(1, 120, whole=True, unit="pictures a second"),
        "steps": _STEPS,
        "guidance_scale": _GUIDANCE,
        "negative_prompt": Text(),
        "generate_audio": Flag(),
        "output_quality": Number(1, 100, whole=True),
    },
    advice={"previous": "give the last picture of that film as image=."},
)
_VOICES = {
    "hexgrad/Kokoro-82M": "af_alloy",
    "canopylabs/orpheus-3b-0.1-ft": "tara",
    "cartesia/sonic-3": "friendly sidekick",
}
"""The voice of a model where nobody chooses; the vendor has none that is usual."""


class TogetherClient(OpenAILike[P, M]):
    """What all clients of Together have in common."""

    provider = "together"
    label = "Together"
    key_names = ("TOGETHER_API_KEY",)
    default_base_url = "https://api.together.ai"
    base_url_names = ("TOGETHER_BASE_URL",)
    model_names = NAMESPACED
    refusal_codes = frozenset({"nsfw_content", "moderation"})
    quota_codes = OpenAILike.quota_codes | {"insufficient_balance"}
    dialect = Dialect(
        retryable=frozenset({408, 409, 429, *range(500, 600)}),
        retry_after_ms=("retry-after-ms",),
        should_retry=("x-should-retry",),
    )


class TogetherImageClient(TogetherClient[ImagePrompt, Image], OpenAILikeImageClient):
    """Draws pictures with the models at Together.

    Args:
        api_key: Left out, `TOGETHER_API_KEY` is read.
        base_url: Left out, `TOGETHER_BASE_URL`, then Together's own, without a version in it.
        model: Together's name, with its owner; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that pictures may be fetched from even when they are
            private; the key goes to none of them.

    `size=` is in pixels or a tier, to which `aspect=` gives the shape. One reference is what the
    picture is made of; several guide how it looks. A prompt's `options` may be `steps`,
    `guidance_scale`, `negative_prompt`, `output_format` (`"jpeg"`, `"png"`), `image_loras` and
    `disable_safety_checker`; each model takes some of them.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("together/black-forest-labs/FLUX.2-pro", _PICTURES),
    )
    unlisted = _PICTURES
    path = "/v1/images/generations"
    edit_path = None

    def facts(self, prompt: ImagePrompt) -> Facts:
        """As for each client, with the size in pixels."""
        pixels = _SIZE.pixels_of(prompt, _SIDES)
        return {**super().facts(prompt), **({"size": "{}x{}".format(*pixels)} if pixels else {})}

    def fields(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt*, with its pictures."""
        width, height = _SIZE.pixels_of(prompt, _SIDES) or (None, None)
        pictures = data_urls(prompt)
        return {
            **super().fields(prompt),
            "width": width,
            "height": height,
            "seed": prompt.seed,
            "response_format": "base64",
            "image_url": pictures[0] if len(pictures) == 1 else None,
            "reference_images": pictures if len(pictures_of(prompt)) > 1 else None,
        }


class TogetherSpeechClient(TogetherClient[SpeechPrompt, Audio], OpenAILikeSpeechClient):
    """Speaks with the models at Together; arguments as for `TogetherImageClient`.

    `options` may be `response_format` (`"mp3"`, `"wav"`), `sample_rate` in hertz, `bit_rate` of
    an MP3 and `extra_params`, such as `{"pronunciation_dict": ["omg/oh my god"]}`.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = tuple(
        ModelInfo(f"together/{name}", _SPEECH) for name in _VOICES
    )
    unlisted = _SPEECH
    path = "/v1/audio/speech"
    # What comes as a stream has to be bare; models with a rate of their own speak at this one.
    streamed: ClassVar[dict[str, Any]] = {
        "response_format": "raw",
        "response_encoding": "pcm_s16le",
        "sample_rate": 24_000,
        "stream": True,
    }
    sound_field = "b64"
    media_fields = ("b64",)

    def check(self, prompt: SpeechPrompt) -> None:
        """Refuse what this model does not take, and a prompt without a voice where it needs one."""
        super().check(prompt)
        if not prompt.voice and self.model not in _VOICES:
            raise PromptError(f"{self.model_id} needs voice=; voices() lists those it has.")

    def to_wire(self, prompt: SpeechPrompt) -> dict[str, Any]:
        """What is sent for *prompt*, with the voice."""
        return {**super().to_wire(prompt), "voice": prompt.voice or _VOICES[self.model]}

    async def voices(self, *, timeout: float | Timeout | None = None) -> list[str]:
        """The voices of this model, by the names that `voice=` takes.

        Args:
            timeout: Seconds for everything together.
        """
        async with context_for(timeout, self.timeout) as context:
            response = await self._transport.get("/v1/voices", context)
        models = objects_at(response.document, "data")
        own = [model for model in models if model.get("model") == self.model]
        names = [text_at(voice, "name") for model in own for voice in objects_at(model, "voices")]
        return list(filter(None, names))


class TogetherVideoClient(TogetherClient[VideoPrompt, Video], OpenAILikeVideoClient):
    """Films with the models at Together; arguments as for `TogetherImageClient`.

    `options` may be `fps`, `steps`, `guidance_scale`, `negative_prompt`, `generate_audio` and
    `output_quality`. Each model takes some lengths, shapes and resolutions. Nobody can stop a film
    that was submitted.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (ModelInfo("together/google/veo-3.1", _FILMS),)
    unlisted = _FILMS
    path = "/v2/videos"

    def to_wire(self, prompt: VideoPrompt) -> Json:
        """What is sent for *prompt*."""
        places = {"first": prompt.image, "last": prompt.last}
        frames = [
            {"input_image": data_url(picture), "frame": place}
            for place, picture in places.items()
            if picture is not None
        ]
        references = [data_url(picture) for picture in prompt.references]
        media = {"frame_images": frames or None, "reference_images": references or None}
        fields = {
            "model": self.model,
            "prompt": prompt.text,
            "seconds": None if prompt.seconds is None else f"{prompt.seconds:g}",
            "ratio": prompt.aspect,
            "resolution": prompt.resolution,
            "seed": prompt.seed,
            "media": without_none(media) or None,
            **prompt.options,
        }
        return Json(without_none(fields))

    def address_of(self, _job_id: str, document: object) -> object:
        """Where the finished film is."""
        return at(document, "outputs", "video_url")

    def usage_of(self, document: object) -> dict[str, Any]:
        """What a finished film cost."""
        return cost_record(at(document, "outputs", "cost"))
