"""Batches by OpenAI's `/batches`, at half price: a file of JSON lines there, up to two files back.

The results stand in one file, the errors in another; each line has the status and the body that the
request would have got alone.
"""

import abc
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, ClassVar, TypeVar

from mediatoolkit.errors import MediaToolkitError, PromptError, ProviderError
from mediatoolkit.media import Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.batches import (
    BatchClient,
    BatchLoad,
    BatchProgress,
    FinishedBatch,
    about_batch,
    final_state,
    json_lines,
    lines_at,
    unanswered,
    unusable,
)
from mediatoolkit.providers.documents import at, text_at
from mediatoolkit.providers.http import HttpClient, text_weight
from mediatoolkit.providers.jobs import PollAgain, answer_of
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.transport import FilePart, Multipart, Response

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_FRAME = 1_000  # bytes of a line around what is counted
_RUNNING = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_OVER = frozenset({"completed", "failed", "expired", "cancelled"})
_ENDED = {"batch_cancelled": "cancelled", "batch_expired": "expired"}
"""The vendor's words for a request that was not reached."""


class OpenAIBatchClient(HttpClient[P, M], BatchClient[P, M]):
    """How the requests of a client become a batch, and its results responses."""

    largest_batch: ClassVar[int] = 50_000
    heaviest_batch: ClassVar[int] = 100_000_000  # it is held in memory; the vendor takes 200 MB

    @abc.abstractmethod
    def place_of(self, prompt: P) -> str:
        """The path for *prompt*, below the version; one batch has one."""

    @abc.abstractmethod
    async def body_for(self, prompt: P) -> dict[str, Any]:
        """The body for *prompt*, as JSON has it."""

    @abc.abstractmethod
    def received_for(self, prompt: P) -> int:
        """Bytes of the response to *prompt*, as a rule at most."""

    @property
    def heaviest_answer(self) -> int:
        """Three quarters of the largest file that is downloaded."""
        return self._transport.limits.video * 3 // 4

    def batch_load(self, prompt: P) -> BatchLoad:
        """What *prompt* adds to its batch."""
        media = sum(len(item.data) for items in prompt.inputs.values() for item in items)
        sent = text_weight(prompt.text) + 4 * media // 3 + _FRAME
        return BatchLoad(sent, self.received_for(prompt) + _FRAME, self.place_of(prompt))

    async def submit_batch(self, prompts: Mapping[str, P], context: CallContext) -> str:
        """Upload *prompts* by id, which is not paid, and make a batch of them."""
        endpoints = {f"/v1{self.place_of(prompt)}" for prompt in prompts.values()}
        if len(endpoints) != 1:
            raise PromptError("One batch has one endpoint; take what batches_of() puts together.")
        (endpoint,) = endpoints
        lines = [
            {"custom_id": key, "method": "POST", "url": endpoint, "body": await self.body_for(each)}
            for key, each in prompts.items()
        ]
        file = FilePart("file", "batch.jsonl", "application/jsonl", await json_lines(lines))
        form = Multipart({"purpose": "batch"}, [file])
        uploaded = await self._transport.post("/files", form, context, paid=False)
        batch = {
            "input_file_id": _id(uploaded, "took a file of requests", "id"),
            "endpoint": endpoint,
            "completion_window": "24h",
        }
        response = await self._transport.post("/batches", batch, context)
        return _id(response, "took the batch", "id", is_billed=True)

    async def poll_batch(self, name: str, context: CallContext) -> BatchProgress:
        """How far the batch is."""
        response = await answer_of(self._get(name, context), context)
        status = self._status(name, response)
        counts = at(response.document, "request_counts")
        done, failed = (at(counts, kind) for kind in ("completed", "failed"))
        return BatchProgress(status in _OVER, _number(done), _number(failed), status)

    async def cancel_batch(self, name: str, context: CallContext) -> bool:
        """Ask the vendor to stop; returns whether it says that it does."""
        path = f"/batches/{_checked(name)}/cancel"
        cancelling = self._transport.request("POST", path, context, paid=False)
        response = await about_batch(cancelling, self.label, name)
        return text_at(response.document, "status") in {"cancelling", "cancelled"}

    async def finished_batch(
        self, name: str, keys: list[str], context: CallContext
    ) -> FinishedBatch:
        """Open the two files of a batch that is over."""
        del keys  # each line has its own
        response = await about_batch(self._get(name, context), self.label, name)
        status = final_state(self._status, _OVER, name, response)
        files = [
            _id(response, "ended the batch", kind)
            for kind in ("output_file_id", "error_file_id")
            if at(response.document, kind) is not None
        ]
        words = response.safe_text(at(response.document, "errors", "data", 0, "message"))
        return FinishedBatch(
            self._in_files(name, files, response, context),
            partial(unanswered, self.label, name, status, words),
        )

    async def _get(self, name: str, context: CallContext) -> Response:
        return await self._transport.get(f"/batches/{_checked(name)}", context)

    @staticmethod
    def _status(name: str, response: Response) -> str:
        """The vendor's word for how the batch is; only words that we know.

        Raises:
            PollAgain: Another word, none at all, or one about another batch.
        """
        document = response.document
        status = response.safe_text(at(document, "status"), 60)
        problem = ""
        if at(document, "id") not in (None, name):
            problem = "OpenAI answered a look at one batch with another"
        elif not status:
            problem = "OpenAI answered a look at the batch without its status"
        if problem:
            raise PollAgain(f"{problem}.", unusable(problem, response))
        if status not in _RUNNING | _OVER:
            raise PollAgain(f"OpenAI says that the batch is {status!r}.")
        return status

    async def _in_files(
        self, name: str, files: list[str], response: Response, context: CallContext
    ) -> AsyncGenerator[tuple[str, Response | MediaToolkitError]]:
        for file in files:
            url = f"{self._transport.base_url}/files/{file}/content"
            lines = lines_at(self._transport, url, self.media_fields, context)
            async with aclosing(lines):
                async for line, media in lines:
                    answer = self._answer(name, line, response, media)
                    yield text_at(line, "custom_id"), answer

    def _answer(
        self, name: str, line: object, batch: Response, media: Mapping[str, bytes]
    ) -> Response | MediaToolkitError:
        """The response in one line, or the error that it means, which is not billed."""
        response = at(line, "response")
        status = at(response, "status_code")
        body = at(response, "body")
        request_id = batch.safe_text(at(response, "request_id"), 100) or None
        if status == 200:
            return batch.part(body, media=media, request_id=request_id)
        if isinstance(status, int):
            return self.read_error(batch.failed_part(body, status, request_id=request_id))
        code, message = (batch.safe_text(at(line, "error", word)) for word in ("code", "message"))
        if code in _ENDED:
            return unanswered(self.label, name, _ENDED[code])
        said = f" ({code})" if code else ""
        return ProviderError(
            f"OpenAI did not make it{said}: {message.rstrip('.') or 'no further word'}.",
            family="operation",
            provider=self.provider,
            request_id=request_id,
        )


def _id(response: Response, what: str, *path: str, is_billed: bool = False) -> str:
    """The id at *path*, which becomes part of an address."""
    word = text_at(response.document, *path)
    if not _ID.fullmatch(word):
        raise unusable(f"OpenAI {what} without a usable id", response, is_billed=is_billed)
    return word


def _number(count: object) -> int:
    return count if type(count) is int and count > 0 else 0


def _checked(name: str) -> str:
    if not _ID.fullmatch(name):
        raise PromptError(f"{name[:60]!r} is no name of a batch.")
    return name
