"""The body of one try, which knows how far it got."""

import asyncio

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Waiting
from mediatoolkit.transport.policy import UNHEARD_WITHIN, Stage

_STEP = 1 << 17  # bytes handed to the socket at once, so that a large upload never holds the loop


class Sent(Payload):
    """A body on its way out.

    aiohttp does not tell whether a lost request had left, and whether anything had come back.
    Both decide if it may be sent again.

    Args:
        body: The whole body; bytes, so that another try sends it again.
        content_type: What it is.
        call: Told when the request is out.
        paid: The provider bills for it.
    """

    _autoclose = True

    def __init__(self, body: bytes, content_type: str, context: CallContext, *, paid: bool) -> None:
        """Nothing is sent yet."""
        super().__init__(body, content_type=content_type)
        self._size = len(body)
        self._call = context
        self._paid = paid
        self._begun = False
        self._ended: float | None = None
        self._heard = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Body as text; aiohttp asks for it nowhere on our way."""
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send everything."""
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Send everything; the length is our own."""
        del content_length
        self._begun = True
        self._call.paid += self._paid
        loop = asyncio.get_running_loop()
        self._listen(loop, writer)
        body = self._value
        if len(body) <= _STEP:
            await writer.write(body)
        else:
            view = memoryview(body)
            for at in range(0, len(view), _STEP):
                await writer.write(view[at : at + _STEP])
        self._ended = loop.time()
        self._call.report(Waiting())

    def not_billed(self) -> None:
        """Take the request off the bill: the provider did no work for it."""
        if self._begun:
            self._call.paid -= self._paid

    def stage(self, *, hung_up: bool) -> Stage:
        """How far the try came, once it is lost.

        Args:
            hung_up: The other side closed the connection.
        """
        if not self._begun:
            return Stage.UNSENT
        if self._heard:
            return Stage.UNSURE
        if self._ended is None:  # nobody can act on a part of it
            return Stage.UNHEARD
        if not hung_up:
            return Stage.UNSURE
        late = asyncio.get_running_loop().time() - self._ended > UNHEARD_WITHIN
        return Stage.UNSURE if late else Stage.UNHEARD

    def _listen(self, loop: asyncio.AbstractEventLoop, writer: AbstractStreamWriter) -> None:
        """Notice the first byte of the answer, at the door where asyncio hands it in."""
        protocol = getattr(writer, "protocol", None)
        if protocol is None or not isinstance(loop, asyncio.BaseEventLoop):
            self._heard = True  # other loops keep the door to themselves: assume the worst
            return

        def first(data: bytes) -> None:
            self._heard = True
            del protocol.data_received
            protocol.data_received(data)

        protocol.data_received = first
