"""Batches by `models/{model}:batchGenerateContent`, at half price: small ones inline, else files.

A small batch travels in one request, and its results stand in its state. A larger one is a file of
JSON lines each way, through the Files API.
"""

import abc
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

from mediatoolkit.errors import MediaToolkitError, PromptError, UnsafeURLError
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
from mediatoolkit.providers.documents import at, objects_at, text_at
from mediatoolkit.providers.gemini.errors import envelope
from mediatoolkit.providers.gemini.service import LARGEST_REQUEST, GeminiService, weight_of
from mediatoolkit.providers.jobs import PollAgain, answer_of
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.transport import Raw, Response

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

_NAME = re.compile(r"batches/[A-Za-z0-9_-]{1,200}")
_FILE = re.compile(r"files/[A-Za-z0-9_-]{1,200}")
_DISPLAY_NAME = "mediatoolkit"
_LINES = "application/jsonl"
_LARGEST_INLINE = 16 << 20  # bytes of a request; what it weighs more goes through a file
_LARGEST_ANSWER = 48 << 20  # bytes of a poll that brings the results, within its short deadline
_MOST_INLINE = 500
_FRAME = 500  # bytes of a request and of a response around what is counted
_RUNNING = frozenset({"PENDING", "RUNNING"})
_OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})

_STATUSES = {
    1: 499,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    14: 503,
    16: 401,
}
"""HTTP statuses by the codes of `google.rpc.Code`; all others mean 500."""


class GeminiBatches(GeminiService[P, M], BatchClient[P, M]):
    """What the clients for pictures and for speech have in common in a batch."""

    largest_batch: ClassVar[int] = 5_000
    heaviest_batch: ClassVar[int] = LARGEST_REQUEST  # it is held in memory; the vendor takes 2 GB

    _finished: tuple[str, Response] | None = None
    """The last poll of a batch that was over: all its pictures may stand in it."""

    @abc.abstractmethod
    def request_for(self, prompt: P) -> dict[str, Any]:
        """The body that `generateContent` gets for *prompt*."""

    @abc.abstractmethod
    def received_for(self, prompt: P) -> int:
        """Bytes of the response to *prompt*, as a rule at most."""

    @property
    def heaviest_answer(self) -> int:
        """Three quarters of the largest file that is downloaded."""
        return self._transport.limits.video * 3 // 4

    def batch_load(self, prompt: P) -> BatchLoad:
        """What *prompt* adds to its batch."""
        sent = weight_of(self.request_for(prompt)) + _FRAME
        return BatchLoad(sent, self.received_for(prompt) + _FRAME)

    async def submit_batch(self, prompts: Mapping[str, P], context: CallContext) -> str:
        """Hand over *prompts* by id; returns the vendor's name for the batch."""
        requests = {key: self.request_for(prompt) for key, prompt in prompts.items()}
        config: dict[str, Any]
        if self._is_inline(prompts):
            entries = [
                {"request": request, "metadata": {"key": key}} for key, request in requests.items()
            ]
            config = {"requests": {"requests": entries}}
        else:
            lines = await json_lines(
                {"key": key, "request": request} for key, request in requests.items()
            )
            config = {"fileName": await self._upload(lines, context)}
        body = {"batch": {"displayName": _DISPLAY_NAME, "inputConfig": config}}
        response = await self._transport.post(self._path("batchGenerateContent"), body, context)
        name = text_at(response.document, "name")
        if not _NAME.fullmatch(name):
            raise unusable("Gemini took the batch without a usable name", response, is_billed=True)
        return name

    async def poll_batch(self, name: str, context: CallContext) -> BatchProgress:
        """How far the batch is."""
        response = await answer_of(self._get(name, context), context)
        state = self._state(name, response)
        is_over = state in _OVER
        if is_over:
            self._finished = name, response
        stats = at(response.document, "metadata", "batchStats")
        total, pending, failed, done = (
            _number(at(stats, f"{kind}equestCount"))
            for kind in ("r", "pendingR", "failedR", "successfulR")
        )
        return BatchProgress(is_over, done or max(total - pending - failed, 0), failed, state)

    async def cancel_batch(self, name: str, context: CallContext) -> bool:
        """Ask the vendor to stop; its answer is empty, so one without an error is a yes."""
        path = f"/{self._version}/{_checked(name)}:cancel"
        cancelling = self._transport.request("POST", path, context, paid=False)
        await about_batch(cancelling, self.label, name)
        return True

    async def finished_batch(
        self, name: str, keys: list[str], context: CallContext
    ) -> FinishedBatch:
        """Open the results: in the state of the batch, or in a file."""
        finished, self._finished = self._finished, None
        if finished is not None and finished[0] == name:
            response = finished[1]
        else:
            response = await about_batch(self._get(name, context), self.label, name)
        state = final_state(self._state, _OVER, name, response)
        words = response.safe_text(text_at(_failure(response), "message"))
        end = "done" if state == "SUCCEEDED" else state.lower()
        file = _results_file(response.document)
        if file and not _FILE.fullmatch(file):
            raise unusable("Gemini named no usable file with the results of the batch", response)
        return FinishedBatch(
            self._in_file(file, response, context) if file else self._inline(response, keys),
            partial(unanswered, self.label, name, end, words),
        )

    def _is_inline(self, prompts: Mapping[str, P]) -> bool:
        loads = [self.batch_load(prompt) for prompt in prompts.values()]
        return (
            len(loads) <= _MOST_INLINE
            and sum(load.sent for load in loads) <= _LARGEST_INLINE
            and sum(load.received for load in loads) <= _LARGEST_ANSWER
        )

    async def _get(self, name: str, context: CallContext) -> Response:
        return await self._transport.get(f"/{self._version}/{_checked(name)}", context)

    @staticmethod
    def _state(name: str, response: Response) -> str:
        """How the batch is, as one of our own words.

        Raises:
            PollAgain: Another word, none at all, or one about another batch.
        """
        document = response.document
        word = response.safe_text(at(document, "metadata", "state"), 60)
        state = word.rpartition("STATE_")[2]
        problem = ""
        if at(document, "name") not in (None, name):
            problem = "Gemini answered a look at one batch with another"
        elif not word:
            problem = "Gemini answered a look at the batch without its state"
        if problem:
            raise PollAgain(f"{problem}.", unusable(problem, response))
        if state not in _RUNNING | _OVER:
            raise PollAgain(f"Gemini says that the batch is {word!r}.")
        return state

    async def _upload(self, lines: bytes, context: CallContext) -> str:
        """Bring a file of requests to the vendor; returns its name. This is not paid."""
        about = {"display_name": _DISPLAY_NAME, "mime_type": _LINES, "size_bytes": len(lines)}
        started = await self._transport.post(
            f"/upload/{self._version}/files",
            {"file": about},
            context,
            paid=False,
            expect="bytes",  # its headers alone say something; its body may be empty
            headers={
                "X-Goog-Upload-Protocol": "resumable",
                "X-Goog-Upload-Command": "start",
                "X-Goog-Upload-Header-Content-Length": str(len(lines)),
                "X-Goog-Upload-Header-Content-Type": _LINES,
            },
        )
        base, url = self._transport.base_url, started.headers.get("X-Goog-Upload-URL", "")
        if not url.startswith(f"{base}/"):
            raise UnsafeURLError(
                "Gemini gave no address below its own for the upload of a batch; check base_url= "
                "if it is set, or hand over fewer requests at a time.",
                provider=self.provider,
            )
        path, _, query = url.removeprefix(base).partition("?")
        response = await self._transport.post(
            path,
            Raw(lines, _LINES),
            context,
            paid=False,
            query=parse_qsl(query),
            headers={"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"},
        )
        file = text_at(response.document, "file", "name")
        if not _FILE.fullmatch(file):
            raise unusable("Gemini took a file of requests without a usable name", response)
        return file

    async def _inline(
        self, response: Response, keys: list[str]
    ) -> AsyncGenerator[tuple[str, Response | MediaToolkitError]]:
        """Results that stand in the state; without any key, their order says whose they are."""
        entries = _inline_entries(response.document)
        names = [text_at(entry, "metadata", "key") for entry in entries]
        if not any(names) and len(names) == len(keys):
            names = keys
        for name, entry in zip(names, entries, strict=True):
            yield name, self._answer(entry, response, None)

    async def _in_file(
        self, file: str, response: Response, context: CallContext
    ) -> AsyncGenerator[tuple[str, Response | MediaToolkitError]]:
        url = f"{self._transport.base_url}/{self._version}/{file}:download?alt=media"
        lines = lines_at(self._transport, url, self.media_fields, context)
        async with aclosing(lines):
            async for line, media in lines:
                key = text_at(line, "key") or text_at(line, "metadata", "key")
                yield key, self._answer(line, response, media)

    def _answer(
        self, entry: object, batch: Response, media: Mapping[str, bytes] | None
    ) -> Response | MediaToolkitError:
        """The response of one entry, or what its error means, which is not billed."""
        error = at(entry, "error")
        if not isinstance(error, dict):
            return batch.part(at(entry, "response"), media=media)
        code = error["code"] if isinstance(error.get("code"), int) else 0
        status = code if code >= 100 else _STATUSES.get(code, 500)
        return self.read_error(batch.failed_part({"error": error}, status))


def _inline_entries(document: object) -> list[dict[str, Any]]:
    """The results in the list, which stands in an object of the same name, or by itself."""
    for place in (("metadata", "output"), ("response",)):
        holder = at(document, *place, "inlinedResponses")
        inner = holder if isinstance(holder, list) else at(holder, "inlinedResponses")
        if isinstance(inner, list):
            return objects_at(inner)
    return []


def _results_file(document: object) -> str:
    own = text_at(document, "metadata", "output", "responsesFile")
    return own or text_at(document, "response", "responsesFile")


def _failure(response: Response) -> dict[str, Any]:
    """What the vendor says of a batch that failed."""
    return envelope(response.document) or envelope(at(response.document, "metadata"))


def _number(count: object) -> int:
    """A count, which the vendor writes as a text, as all int64."""
    text = str(count)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise PromptError(f"{name[:60]!r} is no name of a batch.")
    return name
