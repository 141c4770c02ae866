"""What ComfyUI's socket tells of one job while it runs."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.comfyui.workflow import Workflow
from mediatoolkit.providers.documents import at, number_at, share_at, text_at
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Working
from mediatoolkit.transport.secret import clean

_ENDS = frozenset({"execution_success", "execution_error", "execution_interrupted"})


@dataclass(slots=True, eq=False)
class JobSocket:
    """Listens to a job's socket, and reports what it tells; the result does not depend on it.

    Attributes:
        job_id: The prompt's id, which is the client's id of the socket, too.
        context: The public call, open.
        workflow: For the names of nodes.
        mask: Takes the key out of a text.
        is_open: Whether the socket tells anything, or may soon.
        news: Set when the job or the socket has ended, so that the next poll need not wait.
        last: How the work goes, or None.
    """

    job_id: str
    context: CallContext
    workflow: Workflow
    mask: Callable[[str], str]
    is_open: bool = True
    news: asyncio.Event = field(default_factory=asyncio.Event)
    last: Working | None = None

    async def listen(self, connect: Callable[[], AsyncGenerator[str | bytes]]) -> None:
        """Report what comes, until the socket breaks.

        Args:
            connect: Opens the socket.
        """
        with suppress(MediaToolkitError):
            async with aclosing(connect()) as messages:
                async for message in messages:
                    self.is_open = True
                    if isinstance(message, bytes):
                        await ImageClient.report_partial(_preview(message), self.context)
                    else:
                        self._hear(message)
        self.is_open = False
        self.news.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for news, at most so long, and tell again how the work goes.

        Returns:
            Whether there were news.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.news.wait()
        has_news = self.news.is_set()
        self.news.clear()
        if self.last is not None:  # else the board would only say that it waits
            self.context.report(self.last)
        return has_news

    def _hear(self, message: str) -> None:
        document: object = None
        with suppress(ValueError, RecursionError):
            document = json.loads(message)
        kind, data = text_at(document, "type"), at(document, "data")
        if at(data, "prompt_id") not in (None, self.job_id):
            return
        if kind in _ENDS or (kind == "executing" and at(data, "node") is None):
            self.news.set()
            return
        words, fraction = self._words_of(kind, data)
        if words:
            self.last = Working("comfyui", clean(words, self.mask, 100), fraction)
            self.context.report(self.last)

    def _words_of(self, kind: str, data: object) -> tuple[str, float | None]:
        """What a message tells of the work, and how much of it is done."""
        node = self.workflow.label_of(at(data, "node"))
        if kind == "status" and self.last is None:
            left = at(data, "status", "exec_info", "queue_remaining")
            return f"{left} in the queue" if isinstance(left, int) and left else "", None
        if kind == "executing":
            return node, None
        step, steps = number_at(data, "value"), number_at(data, "max")
        if kind != "progress" or step is None or steps is None:
            return "", None
        return f"{node}, step {step:g} of {steps:g}", share_at(step / steps if steps else None)


def _preview(message: bytes) -> bytes:
    """The picture in a binary message, or nothing."""
    kind = int.from_bytes(message[:4], "big")
    if kind == 1:
        return message[8:]
    if kind == 4:
        return message[8 + int.from_bytes(message[4:8], "big") :]
    return b""
