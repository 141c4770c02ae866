"""Servers of one's own that speak as OpenAI does, such as LocalAI or vLLM-omni.

Each deviates in its own way: the picture comes as base64 or at an address, which may be relative;
fields of OpenAI's are missing, others are added; bad input may be answered with status 500. Films
are made in the background at `/videos`, as with vLLM-omni, or at once at `/video`, as with LocalAI.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from mediatoolkit.errors import ProviderError
from mediatoolkit.media import Audio, Provenance, Video
from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers.capabilities import (
    Capabilities,
    ModelInfo,
    Number,
    OneOf,
    Pictures,
    Size,
    Taken,
    Text,
)
from mediatoolkit.providers.documents import text_at, without_none
from mediatoolkit.providers.http import NAMESPACED, form, protocol_error
from mediatoolkit.providers.openai_like import (
    M,
    OpenAILike,
    OpenAILikeImageClient,
    P,
    picture_at,
)
from mediatoolkit.providers.openai_like_speech import OpenAILikeSpeechClient
from mediatoolkit.providers.openai_like_video import OpenAILikeVideoClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.transport import Dialect, Multipart

_DEFAULT = "default"
_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = Size(tuple(_SIDES), smallest=(8, 8), largest=(8192, 8192), step=8)
_SEED = Number(0, LARGEST_SEED, whole=True)
_STEPS = Number(1, 1000, whole=True)
_GUIDANCE = Number(0, 100)
_PICTURES = Capabilities(
    size=_SIZE,
    aspect=Taken(),
    seed=_SEED,
    references=Pictures(16, 50_000_000),
    mask=Taken(),
    previous=Taken(),
    options={
        "negative_prompt": Text(),
        "step": _STEPS,
        "num_inference_steps": _STEPS,
        "guidance_scale": _GUIDANCE,
        "true_cfg_scale": _GUIDANCE,
        "flow_shift": Number(0, 100),
        "quality": OneOf(("auto", "low", "medium", "high"), others=True),
        "output_format": OneOf(("png", "jpeg", "webp")),
        "output_compression": Number(0, 100, whole=True),
    },
)
_SPEECH = Capabilities(
    voice=Taken(),
    style=Taken(),
    speed=Taken(),
    language=Taken(),
    streams=True,
    options={
        "response_format": OneOf(("wav", "mp3", "flac", "opus")),
        "sample_rate": Number(8_000, 48_000, whole=True, unit="hertz"),
        "seed": _SEED,
        "task_type": Text(),
    },
)
_FILMS = Capabilities(
    seconds=Number(0, 600, unit="seconds"),
    aspect=Taken(),
    resolution=Taken(),
    seed=_SEED,
    image=Taken(),
    options={
        "negative_prompt": Text(),
        "num_frames": Number(1, 10_000, whole=True, unit="pictures"),
        "fps": Number(1, 120, whole=True, unit="pictures a second"),
        "guidance_scale": _GUIDANCE,
        "cfg_scale": _GUIDANCE,
        "step": _STEPS,
    },
    advice={"previous": "give the last picture of that film as image=."},
)
_NO_SUCH_PATH = frozenset({404, 405, 501})


class OwnServer(OpenAILike[P, M]):
    """What clients of all kinds of media have in common here: the address, and no need of a key."""

    provider = "openai-compatible"
    label = "The OpenAI-compatible server"
    is_own_server = True
    key_names = ("OPENAI_COMPATIBLE_API_KEY",)
    default_base_url = "http://127.0.0.1:8080/v1"
    base_url_names = ("OPENAI_COMPATIBLE_BASE_URL",)
    model_names = NAMESPACED
    dialect = Dialect(retryable=frozenset({408, 429, 502, 503, 504}))  # 500 may be bad input

    @property
    def served_model(self) -> str | None:
        """The model to ask for; None lets the server choose, where it takes requests without."""
        return None if self.model == _DEFAULT else self.model


class OpenAICompatibleImageClient(OwnServer[ImagePrompt, Any], OpenAILikeImageClient):
    """Draws pictures with a server of your own that speaks as OpenAI does.

    Args:
        api_key: Where the server wants one; left out, `OPENAI_COMPATIBLE_API_KEY` is read.
        base_url: Such as `"http://127.0.0.1:8000/v1"`; left out, `OPENAI_COMPATIBLE_BASE_URL`,
            then port 8080 of this machine.
        model: The server's name of the model; left out, the server chooses.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that pictures may be fetched from even when they are
            private; the key goes to none of them.

    `references=` and `previous=` are sent to `/images/edits` as a form, with `mask=`, as OpenAI has
    it. A prompt's `options` may be what servers add: `negative_prompt` (LocalAI takes it in the
    text, behind a `|`), `step` (LocalAI), `num_inference_steps`, `guidance_scale`,
    `true_cfg_scale`, `flow_shift` (vLLM-omni), `quality`, `output_format`,
    `output_compression`. A server ignores or refuses what it does not know.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (ModelInfo("openai-compatible/default", _PICTURES),)
    unlisted = _PICTURES
    edits_by_form = True

    def fields(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt*."""
        pixels = _SIZE.pixels_of(prompt, _SIDES)
        return {
            **super().fields(prompt),
            "model": self.served_model,
            "size": pixels and "{}x{}".format(*pixels),
            "seed": prompt.seed,
            "response_format": "b64_json",
        }


class OpenAICompatibleSpeechClient(OwnServer[SpeechPrompt, Audio], OpenAILikeSpeechClient):
    """Speaks with a server of your own; arguments as for `OpenAICompatibleImageClient`.

    The whole comes as WAV, unless `response_format` is `"mp3"`, `"flac"` or `"opus"`; further
    `options` may be `sample_rate`, `seed` and `task_type` (vLLM-omni). Voices are the server's.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (ModelInfo("openai-compatible/default", _SPEECH),)
    unlisted = _SPEECH
    whole: ClassVar[Mapping[str, Any]] = {"response_format": "wav"}
    streamed: ClassVar[Mapping[str, Any]] = {"response_format": "wav", "stream": True}
    streams_unasked = False

    def to_wire(self, prompt: SpeechPrompt) -> dict[str, Any]:
        """What is sent for *prompt*."""
        return without_none({**super().to_wire(prompt), "model": self.served_model})


class OpenAICompatibleVideoClient(OwnServer[VideoPrompt, Video], OpenAILikeVideoClient):
    """Films with a server of your own; arguments as for `OpenAICompatibleImageClient`.

    `resolution=` and `aspect=` become a size in pixels. `options` may be `negative_prompt`,
    `num_frames`, `fps`, `guidance_scale` (vLLM-omni), `cfg_scale` and `step` (LocalAI).
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (ModelInfo("openai-compatible/default", _FILMS),)
    unlisted = _FILMS
    job_ids = re.compile(r"[A-Za-z0-9_-]{1,200}|(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,100}){1,8}")
    can_cancel = True
    _has_queue = True

    def to_wire(self, prompt: VideoPrompt) -> Multipart:
        """What is sent for *prompt* where films are made in the background."""
        size = _pixels(prompt)
        fields = {**self._fields(prompt), "size": size and "{}x{}".format(*size)}
        return form(without_none(fields), input_reference=[prompt.image] if prompt.image else [])

    async def submit(self, prompt: VideoPrompt, context: CallContext) -> str:
        """Start the film, or have it made at once where the server has no queue.

        The path of a film that was made at once is its id.
        """
        if not self._has_queue:
            return await self._make_at_once(prompt, context)
        try:
            return await super().submit(prompt, context)
        except ProviderError as error:
            if error.status not in _NO_SUCH_PATH:
                raise
            try:
                job_id = await self._make_at_once(prompt, context)
            except ProviderError as other:
                raise (error if other.status in _NO_SUCH_PATH else other) from other
        self._has_queue = False
        return job_id

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> Video | None:
        """The film, or None while the job runs."""
        if job_id.startswith("/"):
            return await self.finished(self.checked(job_id), {}, provenance, context)
        return await super().poll(job_id, provenance, context)

    async def cancel(self, job_id: str, context: CallContext) -> bool:
        """Delete the job; a film that was made at once is there already."""
        return not job_id.startswith("/") and await super().cancel(job_id, context)

    def address_of(self, job_id: str, document: object) -> object:
        """Where the film is, on the server itself, whatever the server thinks that it is called."""
        return job_id if job_id.startswith("/") else super().address_of(job_id, document)

    async def _make_at_once(self, prompt: VideoPrompt, context: CallContext) -> str:
        width, height = _pixels(prompt) or (None, None)
        fields = {
            **self._fields(prompt),
            "width": width,
            "height": height,
            "start_image": prompt.image and prompt.image.data,
            "response_format": "url",
        }
        response = await self._transport.post("/video", without_none(fields), context)
        path = urlsplit(text_at(picture_at(response.document), "url")).path
        if not (path.startswith("/") and self.job_ids.fullmatch(path)):
            raise protocol_error(f"{self.label} made the film and named no address of it", response)
        return path

    def _fields(self, prompt: VideoPrompt) -> dict[str, Any]:
        return {
            "model": self.served_model,
            "prompt": prompt.text,
            "seconds": None if prompt.seconds is None else f"{prompt.seconds:g}",
            "seed": prompt.seed,
            **prompt.options,
        }


def _pixels(prompt: VideoPrompt) -> tuple[int, int] | None:
    """Width and height of a film, or None where the server decides; both are even."""
    if not (prompt.resolution or prompt.aspect):
        return None
    side = 2160 if prompt.resolution == "4k" else int((prompt.resolution or "720p")[:-1])
    wide, high = map(int, (prompt.aspect or "16:9").split(":"))
    longer = round(side * max(wide, high) / min(wide, high) / 2) * 2
    return (longer, side) if wide >= high else (side, longer)
