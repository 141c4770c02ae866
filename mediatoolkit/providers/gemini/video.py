"""Film through the Interactions API: begun in the background, looked at, fetched."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mediatoolkit.errors import PromptError, ProviderError, RefusalError
from mediatoolkit.media import Image, Provenance, Video
from mediatoolkit.prompts import VideoPrompt
from mediatoolkit.providers.base import ModelInfo, VideoClient
from mediatoolkit.providers.gemini import refusals
from mediatoolkit.providers.gemini.answers import by_modality
from mediatoolkit.providers.gemini.service import GeminiService, check_size
from mediatoolkit.providers.jobs import PollAgain, QueuedClient, answer_of
from mediatoolkit.runtime import files, owners
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.transport import ErrorResponse, Response

DEFAULT = "gemini-omni-1.1-flash"
_MODELS = (DEFAULT, "gemini-omni-1.2-flash")
_ASPECTS = ("16:9", "9:16")
_RESOLUTIONS = ("360p", "720p", "1080p", "4k")
_SHORTEST, _LONGEST = 3, 10
_LARGEST_SEED = 2**31 - 1
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_FILE = re.compile(
    r"https://[a-z.]+/(v1|v1beta)/files/([a-zA-Z0-9_-]{1,100})(?::download(?:\?alt=media)?)?"
)
_WORKING = frozenset({"queued", "in_progress"})
_FAILED = frozenset({"failed", "cancelled"})
_ENDED = _FAILED | {"completed", "incomplete", "budget_exceeded"}


class GeminiVideoClient(GeminiService, QueuedClient[VideoPrompt, Video], VideoClient):
    """Films with Google's Gemini Omni models; made as `GeminiService` says.

    Films last 3 to 10 whole seconds, have 24 frames a second and their own sound. A generation
    takes minutes: the default deadline is 20.
    """

    default_model = DEFAULT
    live = _MODELS
    local_verb = "film"
    default_timeout = Timeout(total=1200)

    @classmethod
    def models(cls) -> list[ModelInfo]:
        """The live models, the default first, with the shapes and lengths of their films."""
        takes = frozenset({"image", "previous", "references", "seed"})
        seconds = tuple(map(str, range(_SHORTEST, _LONGEST + 1)))
        return [
            cls._offer(name, takes, aspect=_ASPECTS, resolution=_RESOLUTIONS, seconds=seconds)
            for name in _MODELS
        ]

    def check(self, prompt: VideoPrompt) -> None:
        """Refuse what this model does not take.

        Raises:
            PromptError: Names what it takes.
        """
        self.check_options(prompt)
        seconds = prompt.seconds
        if seconds is not None and (seconds % 1 or not _SHORTEST <= seconds <= _LONGEST):
            raise PromptError(
                f"Gemini films {_SHORTEST} to {_LONGEST} whole seconds, not {seconds:g}."
            )
        if prompt.aspect and prompt.aspect not in _ASPECTS:
            raise PromptError(f"Gemini films in {' or '.join(_ASPECTS)}, not {prompt.aspect}.")
        if prompt.resolution and prompt.resolution not in _RESOLUTIONS:
            raise PromptError(
                f"Gemini films in {', '.join(_RESOLUTIONS)}, not {prompt.resolution}."
            )
        if prompt.last is not None:
            raise PromptError("Gemini takes no last picture; say in the prompt how it ends.")
        if prompt.seed is not None and prompt.seed > _LARGEST_SEED:
            raise PromptError(f"Gemini takes seeds up to {_LARGEST_SEED:,}, not {prompt.seed:,}.")
        check_size(_to_wire(prompt, self.model), "Give a shorter film, or smaller pictures.")

    async def submit(self, prompt: VideoPrompt, context: CallContext) -> str:
        """Start the generation; the vendor's name for it."""
        answer = await self._transport.post(
            f"/{self._version}/interactions", _to_wire(prompt, self.model), context
        )
        document = answer.document if isinstance(answer.document, dict) else {}
        job_id = answer.safe_text(document.get("id"))
        if not _ID.fullmatch(job_id):
            raise _odd("Gemini started the film without a usable id", answer)
        return job_id

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> Video | None:
        """The film, or None while it is in the making."""
        path = f"/{self._version}/interactions/{_checked(job_id)}"
        answer = await answer_of(
            self._transport.get(path, context, query={"stream": "false"}), context
        )
        document = answer.document if isinstance(answer.document, dict) else {}
        status = _status(document, job_id, answer)
        if status in _WORKING:
            return None
        content = list(_content(document))
        found = next((one for one in content if one.get("type") == "video"), None)
        if status == "completed" and found is not None:
            data = await self._fetch(found, answer, context)
            context.report(Decoding())
            return await self.load_media(data, provenance=_finished(provenance, answer, job_id))
        error = _no_film(answer, document, content)
        if document.get("id") == job_id and (status in _FAILED or isinstance(error, RefusalError)):
            context.job_id = None  # the vendor's own word of this very job: nothing goes on
        raise error

    def _read_refusal(self, refusal: ErrorResponse) -> ProviderError:
        """Keep the vendor's own words, too: they are what a look that was refused has to tell."""
        error = super()._read_refusal(refusal)
        error.words = refusal.safe_text(refusals.envelope(refusal.document).get("message"))
        return error

    async def cancel(self, job_id: str, context: CallContext) -> bool:
        """Ask the vendor to stop; whether it says that it did."""
        path = f"/{self._version}/interactions/{_checked(job_id)}/cancel"
        answer = await self._transport.post(path, {}, context, paid=False)
        document = answer.document if isinstance(answer.document, dict) else {}
        return document.get("id", job_id) == job_id and document.get("status") == "cancelled"

    async def _fetch(self, found: dict[str, Any], answer: Response, context: CallContext) -> bytes:
        """Inline bytes, our own host's file by its id, or a guarded download without the key."""
        if isinstance(found.get("data"), str):
            return answer.media_bytes(found["data"])
        uri = found.get("uri")
        if not isinstance(uri, str):
            raise _odd("Gemini finished the film and named no file", answer)
        own = _FILE.fullmatch(uri)
        if own:
            uri = f"{self._transport.base_url}/{own[1]}/files/{own[2]}:download?alt=media"
        with owners.scratch_folder() as folder:
            path = await self._transport.download(uri, folder / "film", context)
            return await asyncio.to_thread(files.read_file, path)


def _to_wire(prompt: VideoPrompt, model: str) -> dict[str, Any]:
    shape = {
        "type": "video",
        "delivery": "uri",
        "aspect_ratio": prompt.aspect,
        "resolution": prompt.resolution,
        "duration": None if prompt.seconds is None else f"{prompt.seconds:g}s",
    }
    task, content = _task(prompt)
    config = {"seed": prompt.seed, "video_config": {"task": task} if content else None}
    document = {
        "model": model,
        "background": True,
        "input": _input(prompt.text, content),
        "response_format": {name: value for name, value in shape.items() if value is not None},
        "generation_config": {name: value for name, value in config.items() if value is not None},
    }
    return {name: value for name, value in document.items() if value != {}}


def _task(prompt: VideoPrompt) -> tuple[str, list[dict[str, Any]]]:
    if prompt.previous is not None:
        return "extend", [_media("video", prompt.previous)]
    if prompt.image is not None:
        pictures = [prompt.image, *prompt.references]
        return "image_to_video", [_media("image", one) for one in pictures]
    return "reference_to_video", [_media("image", one) for one in prompt.references]


def _input(text: str, content: list[dict[str, Any]]) -> Any:
    if not content:
        return text
    return [{"type": "user_input", "content": [*content, {"type": "text", "text": text}]}]


def _media(kind: str, media: Image | Video) -> dict[str, Any]:
    return {"type": kind, "mime_type": media.mime_type, "data": media.data}


def _content(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    steps = document.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and step.get("type") == "model_output":
            content = step.get("content")
            listed = content if isinstance(content, list) else ()
            yield from (one for one in listed if isinstance(one, dict))


def _status(document: dict[str, Any], job_id: str, answer: Response) -> str:
    """The vendor's word for how far the job has come; only words that we know.

    Raises:
        PollAgain: Another word, none at all, or one about another job.
    """
    status = answer.safe_text(document.get("status"), 40)
    if document.get("id", job_id) != job_id:
        raise _look_again("Gemini answered a look at one film with the state of another", answer)
    if not status:
        words = answer.safe_text(_first_error(document)) or "no word of it"
        raise _look_again(f"Gemini answered a look at the film without its state: {words}", answer)
    if status not in _WORKING | _ENDED:
        raise PollAgain(f"Gemini says that the film is {status!r}.")
    return status


def _look_again(what: str, answer: Response) -> PollAgain:
    return PollAgain(f"{what}.", _odd(what, answer))


def _no_film(
    answer: Response, document: dict[str, Any], content: list[dict[str, Any]]
) -> ProviderError:
    status = answer.safe_text(document.get("status"), 40)
    words = " ".join(str(one["text"]) for one in content if isinstance(one.get("text"), str))
    said = answer.safe_text(words) or answer.safe_text(_first_error(document))
    facts: dict[str, Any] = {"provider": answer.provider, "request_id": answer.request_id}
    if status != "completed":
        return ProviderError(
            f"Gemini made no film ({status}): {said or 'no further word'}.",
            family="operation",
            may_have_been_billed=status != "cancelled",
            **facts,
        )
    if not said:
        return _odd("Gemini finished the film and sent neither film nor words", answer)
    return RefusalError(
        f"Gemini made no film: {said}. Say it differently.",
        reason="TEXT_ONLY" if words else "NO_VIDEO",
        **facts,
    )


def _first_error(document: dict[str, Any]) -> object:
    errors = document.get("errors")
    steps = document.get("steps")
    listed = [document.get("error"), *(errors if isinstance(errors, list) else ())]
    listed += [
        step.get("error")
        for step in (steps if isinstance(steps, list) else ())
        if isinstance(step, dict)
    ]
    return next((one.get("message") for one in listed if isinstance(one, dict)), None)


def _finished(provenance: Provenance, answer: Response, job_id: str) -> Provenance:
    usage = answer.document.get("usage")
    return replace(
        provenance,
        request_id=job_id,
        usage=_usage(usage, answer) if isinstance(usage, dict) else {},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _usage(usage: dict[str, Any], answer: Response) -> dict[str, Any]:
    """Tokens per modality, in and out; and the vendor's totals."""
    counted = {
        "input": _tokens(usage, "input", answer, alone="TEXT"),
        "output": _tokens(usage, "output", answer, alone="VIDEO"),
    }
    totals = {"thoughts": usage.get("total_thought_tokens"), "total": usage.get("total_tokens")}
    return {
        **{name: tokens for name, tokens in counted.items() if tokens},
        **{name: total for name, total in totals.items() if isinstance(total, int)},
    }


def _tokens(usage: dict[str, Any], way: str, answer: Response, *, alone: str) -> dict[str, int]:
    """Tokens by kind of media; what the vendor bills and names no kind of is text.

    Where it names no kind at all, all of them are *alone*.
    """
    tokens = by_modality(usage.get(f"{way}_tokens_by_modality"), answer, "tokens")
    total = usage.get(f"total_{way}_tokens")
    rest = total - sum(tokens.values()) if isinstance(total, int) else 0
    if rest > 0:
        kind = "TEXT" if tokens else alone
        tokens[kind] = tokens.get(kind, 0) + rest
    return tokens


def _checked(job_id: str) -> str:
    if not _ID.fullmatch(job_id):
        raise PromptError(f"{job_id[:60]!r} is no id of a job.")
    return job_id


def _odd(what: str, answer: Response) -> ProviderError:
    return ProviderError(
        f"{what}; report it with the request id if it happens again.",
        provider=answer.provider,
        status=answer.status,
        request_id=answer.request_id,
        family="protocol",
        may_have_been_billed=True,
    )
