"""Film through the Interactions API: submitted, polled, fetched."""

import re
from dataclasses import replace
from datetime import date
from typing import Any, ClassVar

from mediatoolkit.errors import PromptError, ProviderError, RefusalError
from mediatoolkit.media import Image, Provenance, Video
from mediatoolkit.prompts import VideoPrompt
from mediatoolkit.providers.base import VideoClient, now
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo, Number, OneOf, Taken
from mediatoolkit.providers.documents import (
    at,
    objects_at,
    text_at,
    units_of,
    usage_record,
    without_none,
)
from mediatoolkit.providers.gemini.errors import envelope
from mediatoolkit.providers.gemini.service import (
    LARGEST_SEED,
    GeminiService,
    by_modality,
    check_weight,
)
from mediatoolkit.providers.http import facts_of
from mediatoolkit.providers.jobs import PollAgain, QueuedClient, answer_of
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.transport import ErrorResponse, Response

_TAKES = Capabilities(
    seconds=Number(3, 10, whole=True, unit="seconds"),
    aspect=OneOf(("16:9", "9:16")),
    resolution=OneOf(("360p", "720p", "1080p", "4k")),
    seed=Number(0, LARGEST_SEED, whole=True),
    image=Taken(),
    references=Taken(),
    previous=Taken(),
    advice={"last": "instead of giving a last picture, say in the prompt how it ends."},
)
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_FILE = re.compile(
    r"https://[a-z.]+/(v1|v1beta)/files/([a-zA-Z0-9_-]{1,100})(?::download(?:\?alt=media)?)?"
)
_WORKING = frozenset({"queued", "in_progress"})
_FAILED = frozenset({"failed", "cancelled"})
_ENDED = _FAILED | {"completed", "incomplete", "budget_exceeded"}


class GeminiVideoClient(
    GeminiService[VideoPrompt, Video], QueuedClient[VideoPrompt, Video], VideoClient
):
    """Films with Google's Gemini Omni models.

    Args:
        api_key: Left out, `GOOGLE_API_KEY` then `GEMINI_API_KEY` are read.
        base_url: Left out, `GOOGLE_GEMINI_BASE_URL`, then Google's own.
        model: The vendor's name; one that is newer than this package is fine.
        api_version: `"v1"` or `"v1beta"`.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that films may be fetched from even when they are
            private; the key goes to none of them.

    Films last 3 to 10 whole seconds, have 24 frames a second and their own sound. A generation
    takes minutes: the default deadline is 20.

    Raises:
        AuthenticationError: There is no key, or it cannot be one.
        PromptError: The model's name cannot be one.
        UnsafeURLError: *base_url* is not an http(s) address.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("gemini/gemini-omni-1.2-flash", _TAKES),
        ModelInfo(
            "gemini/gemini-omni-1.1-flash",
            _TAKES,
            ends=date(2026, 12, 3),
            successor="gemini/gemini-omni-1.2-flash",
        ),
    )
    unlisted = _TAKES
    local_verb = "film"
    default_timeout = Timeout(total=1200)

    def check(self, prompt: VideoPrompt) -> None:
        """Refuse what this model does not take.

        Raises:
            PromptError: Names what it takes.
        """
        super().check(prompt)
        check_weight(_to_wire(prompt, self.model), "Give a shorter film, or smaller pictures.")

    async def submit(self, prompt: VideoPrompt, context: CallContext) -> str:
        """Start the generation; returns the vendor's name for it."""
        response = await self._transport.post(
            f"/{self._version}/interactions", _to_wire(prompt, self.model), context
        )
        job_id = response.safe_text(at(response.document, "id"))
        if not _ID.fullmatch(job_id):
            raise _odd("Gemini started the film without a usable id", response)
        return job_id

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> Video | None:
        """The film, or None while the job runs."""
        path = f"/{self._version}/interactions/{_checked(job_id)}"
        response = await answer_of(
            self._transport.get(path, context, query={"stream": "false"}), context
        )
        status = _status(job_id, response)
        if status in _WORKING:
            return None
        content = _content(response.document)
        film = next((item for item in content if item.get("type") == "video"), None)
        if status == "completed" and film is not None:
            data = await self._fetch(film, response, context)
            context.report(Decoding())
            usage = _usage(response)
            finished = replace(provenance, request_id=job_id, usage=usage, created=now())
            return await self.load_media(data, provenance=finished)
        error = _no_film(status, response, content)
        own = at(response.document, "id") == job_id
        if own and (status in _FAILED or isinstance(error, RefusalError)):
            context.job_id = None  # the vendor's own word of this very job: nothing goes on
        raise error

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """As for all clients, with the vendor's own words, which a denied poll reports."""
        error = super().read_error(response)
        error.words = response.safe_text(envelope(response.document).get("message"))
        return error

    async def cancel(self, job_id: str, context: CallContext) -> bool:
        """Ask the vendor to stop; returns whether it says that it did."""
        path = f"/{self._version}/interactions/{_checked(job_id)}/cancel"
        response = await self._transport.post(path, {}, context, paid=False)
        same = at(response.document, "id") in (None, job_id)
        return same and at(response.document, "status") == "cancelled"

    async def _fetch(self, film: dict[str, Any], response: Response, context: CallContext) -> bytes:
        """Inline bytes, our own host's file by its id, or a guarded download without the key."""
        if isinstance(film.get("data"), str):
            return response.media_bytes(film["data"])
        uri = film.get("uri")
        if not isinstance(uri, str):
            raise _odd("Gemini finished the film and named no file", response)
        own = _FILE.fullmatch(uri)
        if own:
            uri = f"{self._transport.base_url}/{own[1]}/files/{own[2]}:download?alt=media"
        return await self.fetch_media(uri, context)


def _to_wire(prompt: VideoPrompt, model: str) -> dict[str, Any]:
    shape = {
        "type": "video",
        "delivery": "uri",
        "aspect_ratio": prompt.aspect,
        "resolution": prompt.resolution,
        "duration": None if prompt.seconds is None else f"{prompt.seconds:g}s",
    }
    task, content = _task(prompt)
    words = {"type": "text", "text": prompt.text}
    config = {"seed": prompt.seed, "video_config": {"task": task} if content else None}
    document = {
        "model": model,
        "background": True,
        "input": [{"type": "user_input", "content": [*content, words]}] if content else prompt.text,
        "response_format": without_none(shape),
        "generation_config": without_none(config) or None,
    }
    return without_none(document)


def _task(prompt: VideoPrompt) -> tuple[str, list[dict[str, Any]]]:
    if prompt.previous is not None:
        return "extend", [_media("video", prompt.previous)]
    references = [_media("image", picture) for picture in prompt.references]
    if prompt.image is not None:
        return "image_to_video", [_media("image", prompt.image), *references]
    return "reference_to_video", references


def _media(kind: str, media: Image | Video) -> dict[str, Any]:
    return {"type": kind, "mime_type": media.mime_type, "data": media.data}


def _content(document: object) -> list[dict[str, Any]]:
    steps = objects_at(document, "steps")
    return [
        item
        for step in steps
        if step.get("type") == "model_output"
        for item in objects_at(step, "content")
    ]


def _status(job_id: str, response: Response) -> str:
    """The vendor's word for how far the job has come; only words that we know.

    Raises:
        PollAgain: Another word, none at all, or one about another job.
    """
    document = response.document
    status = response.safe_text(at(document, "status"), 40)
    problem = ""
    if at(document, "id") not in (None, job_id):
        problem = "Gemini answered a look at one film with the state of another"
    elif not status:
        words = response.safe_text(_first_error(document)) or "no word of it"
        problem = f"Gemini answered a look at the film without its state: {words}"
    if problem:
        raise PollAgain(f"{problem}.", _odd(problem, response))
    if status not in _WORKING | _ENDED:
        raise PollAgain(f"Gemini says that the film is {status!r}.")
    return status


def _no_film(status: str, response: Response, content: list[dict[str, Any]]) -> ProviderError:
    words = " ".join(filter(None, (text_at(item, "text") for item in content)))
    message = response.safe_text(words) or response.safe_text(_first_error(response.document))
    facts = facts_of(response) | {"status": None}
    if status != "completed":
        return ProviderError(
            f"Gemini made no film ({status}): {message or 'no further word'}.",
            family="operation",
            may_have_been_billed=status != "cancelled",
            **facts,
        )
    if not message:
        return _odd("Gemini finished the film and sent neither film nor words", response)
    return RefusalError(
        f"Gemini made no film: {message}. Say it differently.",
        reason="TEXT_ONLY" if words else "NO_VIDEO",
        **facts,
    )


def _first_error(document: object) -> str:
    errors = [at(document, "error"), *objects_at(document, "errors")]
    errors += [at(step, "error") for step in objects_at(document, "steps")]
    return next((text_at(error, "message") for error in errors if isinstance(error, dict)), "")


def _usage(response: Response) -> dict[str, Any]:
    """Tokens per modality, in and out; and the vendor's totals."""
    usage = at(response.document, "usage")
    sides = (
        units_of(
            by_modality(response, objects_at(usage, f"{side}_tokens_by_modality"), "tokens"),
            at(usage, f"total_{side}_tokens"),
            alone=alone,
        )
        for side, alone in (("input", "TEXT"), ("output", "VIDEO"))
    )
    thoughts, total = at(usage, "total_thought_tokens"), at(usage, "total_tokens")
    return usage_record(*sides, thoughts=thoughts, total=total)


def _checked(job_id: str) -> str:
    if not _ID.fullmatch(job_id):
        raise PromptError(f"{job_id[:60]!r} is no id of a job.")
    return job_id


def _odd(what: str, response: Response) -> ProviderError:
    return ProviderError(
        f"{what}; report it with the request id if it happens again.",
        family="protocol",
        may_have_been_billed=True,
        **facts_of(response),
    )
