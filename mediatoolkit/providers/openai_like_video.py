"""Film by the protocol of OpenAI's `/videos`, which OpenAI has ended and others go on with.

A film is submitted, polled by its id, and fetched where the vendor keeps it.
"""

import abc
import re
from dataclasses import replace
from typing import Any, ClassVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError, ProviderError, RefusalError
from mediatoolkit.media import Provenance, Video
from mediatoolkit.prompts import VideoPrompt
from mediatoolkit.providers.base import VideoClient, now
from mediatoolkit.providers.documents import at, text_at
from mediatoolkit.providers.http import facts_of, protocol_error, sentence
from mediatoolkit.providers.jobs import PollAgain, QueuedClient, answer_of
from mediatoolkit.providers.openai_like import OpenAILike
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding, Working
from mediatoolkit.transport import Response
from mediatoolkit.transport.encode import Body

_POLL_AFTER = "openai-poll-after-ms"
_MILLISECONDS = re.compile(r"\d{1,9}", re.ASCII)
_POLICY = re.compile(r"content[ _-]policy|moderat|nsfw|safety", re.IGNORECASE)
_ACCEPTED = frozenset({200, 201, 202})
_NOT_READY = 409  # OpenRouter's word of a file


class OpenAILikeVideoClient(
    OpenAILike[VideoPrompt, Video], QueuedClient[VideoPrompt, Video], VideoClient
):
    """Films by `POST /videos`.

    Attributes:
        path: Where films are submitted, below the base URL.
        id_field: Where the response to a submission has the id of the job.
        job_ids: What an id of a job looks like.
        working: The vendor's words for a film that is on its way.
        failed: Its words for one that will not come.
        can_cancel: A job is cancelled when it is deleted; else nobody can stop it.
    """

    path: ClassVar[str] = "/videos"
    id_field: ClassVar[str] = "id"
    job_ids: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_-]{1,200}")
    working: ClassVar[frozenset[str]] = frozenset({"queued", "pending", "in_progress"})
    failed: ClassVar[frozenset[str]] = frozenset({"failed", "cancelled", "expired"})
    can_cancel: ClassVar[bool] = False
    default_timeout = Timeout(total=1200)

    @abc.abstractmethod
    def to_wire(self, prompt: VideoPrompt) -> Body:
        """What is sent for *prompt*."""

    def address_of(self, job_id: str, _document: object) -> object:
        """Where the finished film is: an address, or a path relative to the base URL."""
        return f"{self.path[1:]}/{job_id}/content"

    def usage_of(self, _document: object) -> dict[str, Any]:
        """What a finished film has used up."""
        return {}

    async def submit(self, prompt: VideoPrompt, context: CallContext) -> str:
        """Start the film; returns the vendor's name for it."""
        response = await self._transport.post(
            self.path, self.to_wire(prompt), context, ok=_ACCEPTED
        )
        job_id = response.safe_text(at(response.document, self.id_field))
        if not self.job_ids.fullmatch(job_id):
            raise protocol_error(f"{self.label} started the film without a usable id", response)
        return job_id

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> Video | None:
        """The film, or None while the job runs."""
        path = f"{self.path}/{self.checked(job_id)}"
        response = await answer_of(self._transport.get(path, context), context)
        document = response.document
        status = response.safe_text(at(document, "status"), 40)
        if at(document, "id") not in (None, job_id):
            words = f"{self.label} answered a look at one film with the state of another"
            raise PollAgain(f"{words}.", protocol_error(words, response))
        if status == "completed":
            return await self.finished(job_id, document, provenance, context)
        if status in self.failed:
            context.job_id = None  # the vendor says so of this job itself: nothing goes on
            raise self._no_film(status, response)
        if status not in self.working:
            raise PollAgain(f"{self.label} says that the film is {status!r}.")
        self._report(status, response, context)
        return None

    async def cancel(self, job_id: str, context: CallContext) -> bool:
        """Delete the job, where that is what cancels it; returns whether the vendor did."""
        if not self.can_cancel:
            return False
        path = f"{self.path}/{self.checked(job_id)}"
        response = await self._transport.delete(path, context, ok={200, 204})
        return response.status == 204 or at(response.document, "deleted") is True

    async def finished(
        self, job_id: str, document: object, provenance: Provenance, context: CallContext
    ) -> Video:
        """The film that the vendor says is finished, with what it says of it in *document*."""
        try:
            data = await self.fetch_media(self.address_of(job_id, document), context)
        except ProviderError as error:
            if error.status != _NOT_READY:
                raise
            raise PollAgain(f"{self.label} has not stored the film yet.", error) from error
        context.report(Decoding())
        usage = self.usage_of(document)
        finished = replace(provenance, request_id=job_id, usage=usage, created=now())
        return await self.load_media(data, provenance=finished)

    def _report(self, status: str, response: Response, context: CallContext) -> None:
        """Tell how far the film has come, and note when the vendor wants the next poll."""
        percent = at(response.document, "progress")
        is_known = isinstance(percent, (int, float)) and 0 < percent <= 100
        fraction = percent / 100 if is_known else None
        context.report(Working(self.provider, status.replace("_", " "), fraction))
        after = response.headers.get(_POLL_AFTER, "")
        context.poll_after = int(after) / 1000 if _MILLISECONDS.fullmatch(after) else None

    def _no_film(self, status: str, response: Response) -> ProviderError:
        """Why there is no film: an object or a text, as the vendor likes."""
        error = at(response.document, "error")
        words = error if isinstance(error, str) else text_at(error, "message")
        code = response.safe_text(at(error, "code"), 60)
        text = sentence(response.safe_text(words)) or "no further word."
        facts = facts_of(response) | {"status": None}
        if code in self.refusal_codes or _POLICY.search(f"{code} {words}"):
            return RefusalError(
                f"{self.label} refused the film: {text} Say it differently.",
                reason=code or "content_policy",
                **facts,
            )
        return ProviderError(
            f"{self.label} made no film ({status}): {text}",
            family="operation",
            may_have_been_billed=status != "cancelled",
            **facts,
        )

    def checked(self, job_id: str) -> str:
        """*job_id* as it is, for a path.

        Raises:
            PromptError: It is no id of a job of this vendor.
        """
        if not self.job_ids.fullmatch(job_id):
            raise PromptError(f"{quoted(job_id[:60])} is no id of a job of {self.label}.")
        return job_id
