"""Pictures, speech and film by Hugging Face: its own inference, and providers that it asks.

A model's name says who makes it: `fal-ai/…` and `replicate/…` go to these providers, under their
own names for their models; everything else is a model of the Hub, made by `hf-inference`. So the
model id in a provenance, a price or a pending job tells all of it.
"""

import abc
import contextlib
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from mediatoolkit.errors import PromptError, ProviderError, RefusalError
from mediatoolkit.media import Audio, Image, Media, Video
from mediatoolkit.prompts import ImagePrompt, Prompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers import hosted_models as hosted
from mediatoolkit.providers.base import ImageClient, SpeechClient, VideoClient
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.documents import at, text_at, without_none
from mediatoolkit.providers.fal_queue import REFUSALS, FalQueueClient, result_address
from mediatoolkit.providers.http import facts_of, protocol_error, sentence
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.transport import ErrorResponse, Response

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

_HUB, _FAL, _REPLICATE = "hf-inference", "fal-ai", "replicate"
_SEED = rules.Number(0, 2**32 - 1, whole=True)
_PARAMETERS: dict[str, rules.Rule] = {
    "negative_prompt": rules.Text(),
    "num_inference_steps": rules.Number(1, 1000, whole=True),
    "guidance_scale": rules.Number(0, 100),
    "scheduler": rules.Text(),
}
_PICTURE = Capabilities(
    size=rules.Size((), smallest=(1, 1), largest=rules.ANY_PIXELS),
    seed=_SEED,
    options={**hosted.OPTIONS, **_PARAMETERS},
    advice={"aspect": 'give pixels: size="1024x768".'},
    together=(hosted.check_single_result,),
)
_SPEECH = Capabilities(
    options=hosted.OPTIONS, advice={"voice": "give what the model calls it: arguments={…}."}
)
_FILM = Capabilities(
    image=rules.Taken(),
    seconds=rules.Taken(),
    aspect=rules.Taken(),
    resolution=rules.Taken(),
    seed=_SEED,
    options={**hosted.PICTURE_OPTIONS, **_PARAMETERS},
)


class HuggingFaceService(hosted.HostedModelClient[P, M]):
    """What all Hugging Face clients share; `HuggingFaceImageClient` says what they take."""

    provider = "huggingface"
    label = "Hugging Face"
    key_names = ("HF_TOKEN",)
    default_base_url = "https://router.huggingface.co"
    refusal_codes = REFUSALS

    @property
    def maker(self) -> tuple[str, str]:
        """Who makes it, and the name of the model there."""
        maker, _, name = self.model.partition("/")
        is_named = maker in {_HUB, _FAL, _REPLICATE} and name
        return (maker, name) if is_named else (_HUB, self.model)

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error in the envelope of Hugging Face, or in that of the provider."""
        error = _error_of(self, response)
        seconds = at(response.document, "estimated_time")
        if response.status == 503 and isinstance(seconds, (int, float)) and seconds > 0:
            error.retry_after = float(seconds)
        return error


class _AtOnce(HuggingFaceService[P, M]):
    """What is answered in one response.

    Attributes:
        accepts: The types that Hugging Face is asked for.
        result_field: Of a result of fal.
        text_field: The argument of providers' models that takes the text.
    """

    accepts: ClassVar[str]
    result_field: ClassVar[str]
    text_field: ClassVar[str]

    @abc.abstractmethod
    def parameters(self, prompt: P) -> dict[str, Any]:
        """What else is asked for, by the names of Hugging Face."""

    async def make(self, prompt: P, context: CallContext) -> M:
        """Send *prompt* and read the media, or fetch it where the response names it."""
        maker, model = self.maker
        ask = {_HUB: self._ask_hub, _FAL: self._ask_fal, _REPLICATE: self._ask_replicate}[maker]
        data, response = await ask(model, prompt, context)
        context.report(Decoding())
        name = response.request_id or response.safe_text(at(response.document, "id")) or None
        provenance = await self.provenance(prompt, request_id=name, notes={"made_by": maker})
        return await self.load_media(data, provenance=provenance)

    async def _ask_hub(self, name: str, prompt: P, context: CallContext) -> tuple[bytes, Response]:
        arguments = prompt.options.get("arguments") or {}
        body = {
            "inputs": prompt.text,
            "parameters": {**without_none(self.parameters(prompt)), **arguments},
        }
        response = await self._transport.post(
            f"/{_HUB}/models/{name}",
            body,
            context,
            headers={"Accept": self.accepts},
            expect="bytes",
        )
        return response.content, response

    async def _ask_fal(self, name: str, prompt: P, context: CallContext) -> tuple[bytes, Response]:
        usual = self.parameters(prompt)
        width, height = usual.pop("width", None), usual.pop("height", None)
        usual["image_size"] = {"width": width, "height": height} if width else None
        arguments = hosted.arguments_for(prompt, usual, text_field=self.text_field)
        response = await self._transport.post(f"/{_FAL}/{name}", arguments, context)
        address = result_address(response.document, self.result_field)
        return await self._file_of(address, response, context), response

    async def _ask_replicate(
        self, name: str, prompt: P, context: CallContext
    ) -> tuple[bytes, Response]:
        model, _, version = name.partition(":")
        usual = self.parameters(prompt)
        arguments = hosted.arguments_for(prompt, usual, text_field=self.text_field)
        place = "predictions" if version else f"models/{model}/predictions"
        response = await self._transport.post(
            f"/{_REPLICATE}/v1/{place}",
            without_none({"version": version or None, "input": arguments}),
            context,
            headers={"Prefer": "wait"},
            ok={200, 201, 202},
        )
        output = at(response.document, "output")
        if (
            text_at(response.document, "status") in {"failed", "canceled", "aborted"}
            or output is None
        ):
            raise _no_output(response)
        return await self._file_of(hosted.first_address(output), response, context), response

    async def _file_of(self, address: str, response: Response, context: CallContext) -> bytes:
        if not address:
            raise protocol_error(f"Hugging Face sent no {self.media_type.noun}", response)
        return await self.bytes_at(address, response, context)


class HuggingFaceImageClient(_AtOnce[ImagePrompt, Image], ImageClient):
    """Draws pictures with Hugging Face.

    Args:
        api_key: Left out, `HF_TOKEN` is read.
        base_url: Left out, the router of Hugging Face.
        model: A model of the Hub, such as `"owner/name"`, or a provider's own: `"fal-ai/"` with an
            model of fal behind it, `"replicate/"` with a model of Replicate, such as
            `"fal-ai/fal-ai/flux/dev"`. The Hub is not asked which provider serves a model.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed. A model that is
            loaded first is asked again when Hugging Face says.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that media may be fetched from even when they are
            private; the key goes to none of them.

    A prompt's `options` may be: `arguments` (the model's own, by name; they count most),
    `text_field` (which argument of a provider's model takes the text), `negative_prompt`,
    `num_inference_steps`, `guidance_scale` and `scheduler`.
    """

    accepts = "image/png"
    result_field = "image"
    text_field = "prompt"
    default_timeout = Timeout(total=300)
    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("huggingface/fal-ai/fal-ai/flux/dev", _PICTURE),
    )
    unlisted = _PICTURE

    def parameters(self, prompt: ImagePrompt) -> dict[str, Any]:
        """What else is asked for, by the names of Hugging Face."""
        width, height = prompt.pixels or (None, None)
        options = {name: prompt.options.get(name) for name in _PARAMETERS}
        return {**options, "height": height, "width": width, "seed": prompt.seed}


class HuggingFaceSpeechClient(_AtOnce[SpeechPrompt, Audio], SpeechClient):
    """Speaks with Hugging Face.

    Arguments as for `HuggingFaceImageClient`, and of its `options` the first two; a model is to be
    named.
    """

    accepts = "*/*"
    result_field = "audio"
    text_field = "text"
    default_timeout = Timeout(total=300)
    unlisted = _SPEECH

    def parameters(self, _prompt: SpeechPrompt) -> dict[str, Any]:
        """Nothing that all models have in common."""
        return {}


class HuggingFaceVideoClient(
    HuggingFaceService[VideoPrompt, Video], FalQueueClient[VideoPrompt, Video], VideoClient
):
    """Films with fal's models through Hugging Face: `model="huggingface/fal-ai/…"`.

    Arguments and `options` as for `HuggingFaceImageClient`, and `image_field` (which argument takes
    the first picture). Films alone go through a queue there, and can be stopped and waited for
    later.
    """

    result_field = "video"
    queue_query: ClassVar[dict[str, str]] = {"_subdomain": "queue"}
    default_timeout = Timeout(total=1200)
    unlisted = _FILM

    @classmethod
    def _checked_model(cls, model: object) -> str:
        name = super()._checked_model(model)
        if not name.startswith(f"{_FAL}/"):
            raise PromptError(
                "Hugging Face passes films on to fal alone; name a model of fal, as in "
                'model="huggingface/fal-ai/…".'
            )
        return name

    def to_wire(self, prompt: VideoPrompt) -> dict[str, Any]:
        """The arguments of the model."""
        options = {name: prompt.options.get(name) for name in _PARAMETERS}
        usual = {**options, **hosted.film_arguments(prompt), **hosted.data_urls(prompt)}
        return hosted.arguments_for(prompt, usual)

    def job_id_of(self, url: str) -> str:
        """The path of a result below the router, which stands for fal's own host."""
        own = f"{self._transport.base_url}/"
        with contextlib.suppress(ValueError):  # of brackets without an IPv6 address in them
            return url.removeprefix(own) if url.startswith(own) else f"{_FAL}{urlsplit(url).path}"
        return ""


def _error_of(client: HuggingFaceService[Any, Any], response: ErrorResponse) -> ProviderError:
    error = at(response.document, "error")
    sentences = error if isinstance(error, list) else [error, at(error, "message")]
    words, kinds = hosted.problem_of(response)
    told = "; ".join(each for each in sentences if isinstance(each, str))
    return client.error_of(response, response.safe_text(told) or words, kinds)


def _no_output(response: Response) -> ProviderError:
    words = sentence(response.safe_text(text_at(response.document, "error")))
    facts = facts_of(response) | {"status": None}
    if "NSFW" in words.upper():
        return RefusalError(
            f"Replicate refused to make it: {words} Say it differently.", reason="NSFW", **facts
        )
    status = response.safe_text(at(response.document, "status"), 40) or "no state"
    late = "" if words else " Hugging Face waits for it no longer; ask again later."
    return ProviderError(
        f"Replicate has no result ({status}): {words or 'no further word.'}{late}",
        family="operation",
        may_have_been_billed=True,
        **facts,
    )
