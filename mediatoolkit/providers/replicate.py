"""Pictures, speech and film by Replicate: any model makes a prediction, which is waited for."""

import abc
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from mediatoolkit.errors import PromptError, ProviderError, RateLimitError, RefusalError
from mediatoolkit.media import Audio, Image, Media, Provenance, Video
from mediatoolkit.prompts import ImagePrompt, Prompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers import hosted_models as hosted
from mediatoolkit.providers.base import ImageClient, SpeechClient, VideoClient, now
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.documents import at, number_at, text_at, without_none
from mediatoolkit.providers.http import facts_of, protocol_error, sentence
from mediatoolkit.providers.jobs import PollAgain, QueuedClient, answer_of
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding, Withdrawn
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.transport import Dialect, ErrorResponse, FilePart, Multipart, Response

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

WAIT = 1
"""Seconds for which Replicate holds back the response to a new prediction that is not finished.

Up to 60 are allowed. But the response names the prediction, and until its name is known, nobody can
stop the prediction or come back for it.
"""

_CANCEL_AFTER: Mapping[str, rules.Rule] = {
    "cancel_after": rules.Number(5, 86_400, whole=True, unit="seconds")
}
_USUAL_FIELD = "image"

_PICTURE = Capabilities(
    size=rules.Size((), smallest=(1, 1), largest=rules.ANY_PIXELS),
    aspect=rules.Taken(),
    seed=hosted.SEED,
    references=hosted.PICTURES,
    previous=rules.Taken(),
    options={**hosted.PICTURE_OPTIONS, **_CANCEL_AFTER},
    together=(hosted.check_single_result, hosted.single_picture_check(_USUAL_FIELD)),
)
_SPEECH = hosted.speech_rules(_CANCEL_AFTER)
_FILM = hosted.film_rules(_CANCEL_AFTER, _USUAL_FIELD)
_ID = re.compile(r"[A-Za-z0-9]{1,100}", re.ASCII)
_VERSION = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STOPPED = frozenset({"canceled", "aborted"})
_FAILED = _STOPPED | {"failed"}
_ENDED = _FAILED | {"succeeded"}
_WAIT_WORDS = re.compile(r"(?:resets in|available in)\W{0,3}(\d{1,5})\s*s", re.IGNORECASE)
_NSFW = re.compile(r"\bNSFW\b", re.IGNORECASE)


class ReplicateService(hosted.HostedModelClient[P, M], QueuedClient[P, M]):
    """What all Replicate clients share; `ReplicateImageClient` says what they take."""

    provider = "replicate"
    label = "Replicate"
    key_names = ("REPLICATE_API_TOKEN",)
    default_base_url = "https://api.replicate.com"
    base_url_names = ("REPLICATE_BASE_URL",)
    # With other statuses, the prediction may have begun.
    dialect = Dialect(retryable=frozenset({429, 503}))
    default_timeout = Timeout(total=600)
    polling = Polling(first=0.5, cap=3.0)
    submit_within = WAIT + 1.0

    @cached_property
    def _finished(self) -> dict[str, Response]:
        """Predictions that were finished at once, until they are polled, by id."""
        return {}

    @abc.abstractmethod
    def to_wire(self, prompt: P, files: Sequence[str]) -> dict[str, Any]:
        """The arguments of the model.

        Args:
            prompt: What to make.
            files: Where the pictures to start from lie.
        """

    async def submit(self, prompt: P, context: CallContext) -> str:
        """Upload the pictures and start a prediction; returns Replicate's name for it."""
        pictures = hosted.starting_pictures(prompt)
        files = [await self._upload(picture, context) for picture in pictures]
        cancel_after = prompt.options.get("cancel_after")
        headers = {
            "Prefer": f"wait={WAIT}",
            "Cancel-After": None if cancel_after is None else f"{cancel_after:g}s",
        }
        path, version = _place_of(self.model)
        response = await self._transport.post(
            path,
            without_none({"version": version, "input": self.to_wire(prompt, files)}),
            context,
            headers=without_none(headers),
            ok={200, 201, 202},
        )
        job_id = response.safe_text(at(response.document, "id"))
        if not _ID.fullmatch(job_id):
            raise protocol_error("Replicate started the prediction without a usable id", response)
        if _is_over(response):
            self._finished[job_id] = response
        return job_id

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> M | None:
        """The finished media, or None while the prediction runs."""
        response = self._finished.pop(job_id, None)
        if response is None:
            path = f"/v1/predictions/{_checked(job_id)}"
            response = await answer_of(self._transport.get(path, context), context)
            status = _status(job_id, response)
            if status not in _ENDED:
                log = text_at(response.document, "logs")
                context.report(hosted.working(self.provider, log, response.safe_text))
                return None
        if text_at(response.document, "status") in _FAILED:
            context.job_id = None  # Replicate says so of this prediction itself
            if at(response.document, "status") == "aborted":  # before it began, and not billed
                context.report(Withdrawn(confirmed=True))
            raise self._no_media(response)
        address = hosted.first_address(at(response.document, "output"))
        if not address and at(response.document, "data_removed") is True:
            context.job_id = None  # it does not come back
            raise self._removed(response)
        if not address:
            noun = self.media_type.noun
            raise protocol_error(f"Replicate finished the prediction and named no {noun}", response)
        data = await self.bytes_at(address, response, context)
        context.report(Decoding())
        seconds = number_at(response.document, "metrics", "predict_time")
        usage = without_none({"predict_seconds": seconds})
        finished = replace(provenance, request_id=job_id, usage=usage, created=now())
        return await self.load_media(data, provenance=finished)

    async def cancel(self, job_id: str, context: CallContext) -> bool:
        """Ask Replicate to stop; returns whether it says that it did."""
        self._finished.pop(job_id, None)
        path = f"/v1/predictions/{_checked(job_id)}/cancel"
        response = await self._transport.request("POST", path, context, paid=False)
        return text_at(response.document, "status") in _STOPPED

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error in Replicate's envelope, a problem document."""
        words = response.safe_text(at(response.document, "detail"))
        error = self.error_of(response, words or response.safe_text(at(response.document, "title")))
        match = _WAIT_WORDS.search(words)
        if isinstance(error, RateLimitError) and match and error.retry_after is None:
            error.retry_after = float(match[1])
        return error

    async def _upload(self, picture: Image, context: CallContext) -> str:
        part = FilePart("content", f"image{picture.extension}", picture.mime_type, picture.data)
        response = await self._transport.post(
            "/v1/files", Multipart({}, [part]), context, paid=False, ok={200, 201}
        )
        url = text_at(response.document, "urls", "get")
        if not url:
            raise protocol_error("Replicate took a picture and named no address for it", response)
        return url

    def _removed(self, response: Response) -> ProviderError:
        return ProviderError(
            f"Replicate has removed the {self.media_type.noun}, as it does after an hour; "
            "ask again.",
            family="operation",
            may_have_been_billed=True,
            **facts_of(response) | {"status": None},
        )

    def _no_media(self, response: Response) -> ProviderError:
        document = response.document
        status = response.safe_text(at(document, "status"), 40)
        words = sentence(response.safe_text(at(document, "error")) or "no further word")
        facts = facts_of(response) | {"status": None}
        if _NSFW.search(words):
            return RefusalError(
                f"Replicate refused to make it: {words} Say it differently.",
                reason="NSFW",
                **facts,
            )
        noun = self.media_type.noun
        return ProviderError(
            f"Replicate made no {noun} ({status}): {words}",
            family="operation",
            may_have_been_billed=status != "aborted",
            **facts,
        )


class ReplicateImageClient(ReplicateService[ImagePrompt, Image], ImageClient):
    """Draws pictures with models on Replicate.

    Args:
        api_key: Left out, `REPLICATE_API_TOKEN` is read.
        base_url: Left out, `REPLICATE_BASE_URL`, then Replicate's own.
        model: `"owner/name"`, `"owner/name:version"`, a version alone, or
            `"deployments/owner/name"`.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that media may be fetched from even when they are
            private; the key goes to none of them.

    Pixels go along as `width` and `height`, the shape as `aspect_ratio`, a picture to start from as
    `image`, unless `image_field` names another argument.

    A prompt's `options` may be: `arguments` (the model's own, by name; they count most),
    `text_field` (which argument takes the text), `image_field` (which takes the pictures, with
    `[]` behind it for a list), `cancel_after` (seconds after which Replicate itself stops the
    prediction).

    Pictures to start from are uploaded first; Replicate deletes them, and its results after an
    hour.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("replicate/black-forest-labs/flux-schnell", _PICTURE),
        ModelInfo("replicate/black-forest-labs/flux-dev", _PICTURE),
    )
    unlisted = _PICTURE

    def to_wire(self, prompt: ImagePrompt, files: Sequence[str]) -> dict[str, Any]:
        """The arguments of the model."""
        width, height = prompt.pixels or (None, None)
        shape = {"width": width, "height": height, "aspect_ratio": prompt.aspect}
        usual = {**shape, "seed": prompt.seed, **_pictures(prompt, files)}
        return hosted.arguments_for(prompt, usual)


class ReplicateSpeechClient(ReplicateService[SpeechPrompt, Audio], SpeechClient):
    """Speaks with models on Replicate.

    Arguments and `options` as for `ReplicateImageClient`; a model is to be named.

    The text goes along as `text`, unless `text_field="prompt"` or another name is given.
    """

    unlisted = _SPEECH

    def to_wire(self, prompt: SpeechPrompt, _files: Sequence[str]) -> dict[str, Any]:
        """The arguments of the model."""
        return hosted.arguments_for(prompt, {"voice": prompt.voice}, text_field="text")


class ReplicateVideoClient(ReplicateService[VideoPrompt, Video], VideoClient):
    """Films with models on Replicate.

    Arguments and `options` as for `ReplicateImageClient`; a model is to be named.

    The first picture goes along as `image`, unless `image_field` names another argument.
    """

    unlisted = _FILM
    default_timeout = Timeout(total=1200)

    def to_wire(self, prompt: VideoPrompt, files: Sequence[str]) -> dict[str, Any]:
        """The arguments of the model."""
        usual = {**hosted.film_arguments(prompt), **_pictures(prompt, files)}
        return hosted.arguments_for(prompt, usual)


def _place_of(model: str) -> tuple[str, str | None]:
    """Where a prediction of *model* is started, and the version that the body names."""
    name, _, version = model.partition(":")
    if version or _VERSION.fullmatch(name):
        return "/v1/predictions", version or name
    if name.startswith("deployments/"):
        return f"/v1/{name}/predictions", None
    return f"/v1/models/{name}/predictions", None


def _pictures(prompt: Prompt, files: Sequence[str]) -> dict[str, Any]:
    return hosted.placed(files, prompt.options.get("image_field") or _USUAL_FIELD)


def _is_over(response: Response) -> bool:
    """Whether the answer to a new prediction is the last one.

    One that is finished may still be called `processing`, with its output.
    """
    status = text_at(response.document, "status")
    return status in _ENDED or (
        status == "processing" and bool(hosted.first_address(at(response.document, "output")))
    )


def _status(job_id: str, response: Response) -> str:
    """Replicate's word for how far the prediction has come.

    Raises:
        PollAgain: None at all, or one about another prediction.
    """
    status = response.safe_text(at(response.document, "status"), 40)
    if not status or at(response.document, "id") not in (None, job_id):
        problem = "Replicate answered a poll without the state of the prediction"
        raise PollAgain(f"{problem}.", protocol_error(problem, response))
    return status


def _checked(job_id: str) -> str:
    if not _ID.fullmatch(job_id):
        raise PromptError(f"{job_id[:60]!r} is no id of a prediction.")
    return job_id
