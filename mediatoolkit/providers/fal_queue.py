"""The queue of fal's models: fal's own, and the same where Hugging Face passes requests on."""

import abc
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeVar

from mediatoolkit.errors import PromptError, ProviderError, TooLargeError
from mediatoolkit.media import Media, Provenance
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers import hosted_models as hosted
from mediatoolkit.providers.base import now
from mediatoolkit.providers.documents import at, number_at, objects_at, text_at, without_none
from mediatoolkit.providers.http import protocol_error
from mediatoolkit.providers.jobs import PollAgain, QueuedClient, answer_of
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Decoding, Working
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.transport import Dialect, ErrorResponse, Response, Transport

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

REFUSALS = frozenset({"content_policy_violation"})
"""The words of fal's models for a refusal by the content policy."""

_JOB = re.compile(r"(?:https?://[a-z0-9.:-]+/)?(?:(?!\.+/)[\w.-]+/){1,6}requests/[\w-]+", re.ASCII)
_WORKING = frozenset({"IN_QUEUE", "IN_PROGRESS"})
_STOPPED = frozenset({"OK", "CANCELLED"})
_CANCELLED = re.compile(r"\bwas cancell?ed\b", re.IGNORECASE)
_LINES = 50  # of a log that are read
_ENDS = frozenset({200, 400, 422, 500, 502, 503, 504})
"""Statuses of a result: of a job that failed, it is the status of the error."""


def _is_final(response: ErrorResponse) -> bool:
    """Whether the error is the model's own, and no header says that it may be asked again."""
    is_told = response.status == 429 or "x-fal-retryable" in response.headers
    return not is_told and bool(problem_kinds(response))


class FalQueueClient(hosted.HostedModelClient[P, M], QueuedClient[P, M]):
    """A client of models that fal queues.

    Attributes:
        result_field: Name of the result's field for a file; with an `s` behind it, for several.
        queue_query: The query of every address in the queue.
    """

    result_field: ClassVar[str]
    queue_query: ClassVar[Mapping[str, str]] = {}
    refusal_codes = REFUSALS
    quota_codes = frozenset({"exhausted_balance"})
    dialect = Dialect(should_retry=("x-fal-retryable",), is_final=_is_final)
    polling = Polling(first=0.5, cap=3.0)

    @abc.abstractmethod
    def to_wire(self, prompt: P) -> dict[str, Any]:
        """The arguments of the model."""

    def headers_for(self, _prompt: P, /) -> dict[str, str]:
        """Further header fields of a submit."""
        return {}

    def job_id_of(self, url: str) -> str:
        """The path of a result below the base URL, or its whole address.

        Raises:
            ProviderError: The vendor does not answer there.
        """
        self.transport_at(url)
        return url.removeprefix(f"{self._transport.base_url}/")

    async def submit(self, prompt: P, context: CallContext) -> str:
        """Start the model; returns where its result will be."""
        response = await self._transport.post(
            f"/{self.model}",
            self.to_wire(prompt),
            context,
            headers=self.headers_for(prompt),
            query=self.queue_query,
        )
        job_id = self.job_id_of(text_at(response.document, "response_url"))
        if not _JOB.fullmatch(job_id):
            raise protocol_error("fal started the work without an address for its result", response)
        return job_id

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> M | None:
        """The finished media, or None while the model works."""
        transport, path, _ = self.transport_at(_checked(job_id))
        response = await self._status(transport, path, context)
        status = response.safe_text(at(response.document, "status"), 40)
        if status in _WORKING:
            context.report(self._working(response))
            return None
        if not status:
            problem = "fal answered a poll without the state of the job"
            raise PollAgain(f"{problem}.", protocol_error(problem, response))
        if status != "COMPLETED":
            raise PollAgain(f"fal says that the job is {status!r}.")
        result = await answer_of(
            transport.get(path, context, query=self.queue_query, ok=_ENDS), context
        )
        if result.status != 200:
            raise self._failure(response, result, context)
        return await self._media(job_id, response, result, provenance, context)

    async def cancel(self, job_id: str, context: CallContext) -> bool:
        """Ask fal to stop; work that has begun may go on, and fal then says nothing of it."""
        transport, path, _ = self.transport_at(_checked(job_id))
        response = await transport.put(
            f"{path}/cancel", None, context, query=self.queue_query, ok={200, 202, 400}
        )
        return text_at(response.document, "status") in _STOPPED

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error in fal's envelope: a sentence, or a list of problems."""
        words, kinds = hosted.problem_of(response)[0], problem_kinds(response)
        if response.status == 403 and "balance" in words.casefold():
            kinds.append("exhausted_balance")
        return self.error_of(response, words, kinds)

    async def _status(self, transport: Transport, path: str, context: CallContext) -> Response:
        """How far the job is, with its log unless that is too long to be read."""
        look = partial(transport.get, f"{path}/status", context, ok={200, 202})
        try:
            return await answer_of(look(query={"logs": "true", **self.queue_query}), context)
        except TooLargeError:
            return await answer_of(look(query={"logs": "false", **self.queue_query}), context)

    def _failure(self, status: Response, result: Response, context: CallContext) -> Exception:
        """The error of a result that is none: the model's own, or one that may pass."""
        failed = result.failed_part(result.document, result.status, request_id=result.request_id)
        error = self.read_error(failed)
        is_cancelled = result.status == 400 and _CANCELLED.search(error.words)
        if is_cancelled or problem_kinds(failed) or at(status.document, "error"):
            context.job_id = None  # the model's error, or the queue's: nothing goes on
            return error
        words = error.words or f"status {result.status} without a word."
        return PollAgain(words, error if result.status < 500 else None)

    async def _media(
        self,
        job_id: str,
        status: Response,
        result: Response,
        provenance: Provenance,
        context: CallContext,
    ) -> M:
        address = result_address(result.document, self.result_field)
        if not address:
            raise protocol_error(
                f"fal finished the work and named no {self.media_type.noun}", result
            )
        data = await self.bytes_at(address, result, context)
        context.report(Decoding())
        seed = at(result.document, "seed")
        finished = replace(
            provenance,
            request_id=job_id.rpartition("/")[2],
            seed=seed if isinstance(seed, int) else provenance.seed,
            usage=_usage(status, result),
            notes={"nsfw": True} if at(result.document, "has_nsfw_concepts", 0) is True else {},
            created=now(),
        )
        return await self.load_media(data, provenance=finished)

    def _working(self, response: Response) -> Working:
        position = at(response.document, "queue_position")
        if isinstance(position, int):
            place = f"position {position}" if position else "next"
            return Working(self.provider, f"{place} in the queue")
        logs = [text_at(log, "message") for log in objects_at(response.document, "logs")[-_LINES:]]
        return hosted.working(self.provider, "\n".join(logs), response.safe_text)


def result_address(document: object, field: str) -> str:
    """The address of the file in a result, under *field* or one that is called so; or empty."""
    fields = (f"{field}s", field, f"{field}_url")
    return hosted.first_address([at(document, name) for name in fields])


def problem_kinds(response: ErrorResponse) -> list[str]:
    """The model's words for what went wrong; none where the queue itself has trouble."""
    words = [at(response.document, "error_type"), response.headers.get("x-fal-error-type")]
    named = [response.safe_text(word, 60) for word in words]
    return [*hosted.problem_of(response)[1], *filter(None, named)]


def _usage(status: Response, result: Response) -> dict[str, Any]:
    """What fal counts: seconds of inference, and the units that it bills."""
    seconds = number_at(status.document, "metrics", "inference_time")
    units = result.safe_text(result.headers.get("x-fal-billable-units"), 40)
    return without_none({"inference_seconds": seconds, "billable_units": units or None})


def _checked(job_id: str) -> str:
    if not _JOB.fullmatch(job_id):
        raise PromptError(f"{job_id[:100]!r} is no id of a job of fal.")
    return job_id
