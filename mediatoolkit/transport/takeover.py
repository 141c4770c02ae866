"""Large bodies, received straight into a few buffers.

Behind the head of a plain response with a length there is nothing left to parse. The connection is
lent by aiohttp for the body: the loop receives into buffers of ours, which go to the disk as they
are, and the connection then returns to its pool. Measured, a third less CPU than through
aiohttp's parser and reader.

What this needs of aiohttp: a response names its connection, whose protocol can be exchanged and
stops its own read timer in `pause_reading`; `StreamReader.feed_eof` ends the response and pools the
connection; and every request gets a new parser. `possible` says no wherever it can see that this
is not so, and `tests/transport/test_takeover.py` fails when aiohttp changes it.
"""

import asyncio
from types import TracebackType
from typing import Self

import aiohttp

from mediatoolkit.transport.body import BodyMeter
from mediatoolkit.transport.spool import Spool

LEAST = 8_000_000
"""Bytes of a body from which it pays."""

_BUFFER = 1 << 20
_MOST_BUFFERS = 3
_TURN = 1 << 20  # bytes that all bodies together take in one turn of the loop; more would hold it
_LEAST_STEP = 1 << 17


def possible(response: aiohttp.ClientResponse) -> bool:
    """Whether the body of *response* is large and plain, and arrives in the way described above."""
    connection = response.connection
    transport = connection.transport if connection else None
    if connection is None or not isinstance(transport, asyncio.Transport):
        return False
    return (
        (response.content_length or 0) >= LEAST
        and "Content-Encoding" not in response.headers
        and "Transfer-Encoding" not in response.headers
        and isinstance(response.content, aiohttp.StreamReader)
        and response.content.exception() is None
        and aiohttp.__version__.startswith("3.")
        and isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
        and transport.get_protocol() is connection.protocol
        and not transport.is_closing()
    )


async def take_over(
    response: aiohttp.ClientResponse, spool: Spool, meter: BodyMeter, silence: float | None
) -> None:
    """Bring the body of a *response* for which this is `possible` into *spool*.

    Args:
        response: Nothing of its body is read.
        spool: Takes the bytes; after a failure it has all that came.
        meter: Counts them as they come.
        silence: Longest wait between two pieces, seconds, or None.

    Raises:
        ClientPayloadError: It was cut short.
        SocketTimeoutError: *silence* has passed.
    """
    # Until the intake has the transport nothing is awaited, so nothing can come in between.
    remaining = response.content_length or 0
    while piece := response.content.read_nowait():
        remaining -= len(piece)
        meter.add(len(piece))
        spool.add(piece)
    if remaining:
        with _Intake(response, remaining, silence) as intake:
            await intake.bring(spool, meter)


class _Intake(asyncio.BufferedProtocol):
    """The rest of one body on its way from a transport to a spool, as a context manager.

    A buffer is being filled, full, being written, or free. While none is free the transport
    pauses, so memory is bounded.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, remaining: int, silence: float | None
    ) -> None:
        connection = response.connection
        if connection is None or connection.transport is None or connection.protocol is None:
            raise aiohttp.ClientPayloadError
        self._content = response.content
        self._lender = connection.protocol
        self._transport = connection.transport
        self._remaining = remaining
        self._silence = silence
        self._buffer_count = 0
        self._free: list[memoryview] = []
        self._filling = self._next_free()
        self._filled = 0
        self._full: list[memoryview] = []
        self._wakeup = asyncio.Event()
        self._uncounted = 0
        self._failure: aiohttp.ClientError | None = None

    def __enter__(self) -> Self:
        self._lender.pause_reading()  # stops its timer as well
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        _intakes.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Return the connection; it is pooled only if the body came whole, and nothing else."""
        _intakes.discard(self)
        self._transport.set_protocol(self._lender)
        if not self._remaining and not self._transport.is_closing():
            self._transport.resume_reading()
            self._content.feed_eof()

    async def bring(self, spool: Spool, meter: BodyMeter) -> None:
        """Write what comes while more comes, until nothing is left."""
        writing: list[memoryview] = []
        while self._full or self._goes_on():
            await self._listen()
            self._count(meter)
            if self._full:
                await spool.drain()
                self._recycle(writing)
                writing, self._full = self._full, []
                for piece in writing:
                    spool.add(piece)
                await spool.write()
            if self._filling is None:
                await spool.drain()
                self._recycle(writing)
                writing = []
        self._count(meter)
        if self._failure is not None:
            raise self._failure

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        if self._filling is None:
            raise BufferError  # the transport is paused
        step = max(_LEAST_STEP, _TURN // len(_intakes))
        size = min(self._remaining + 1, step)  # a byte too many tells that there are any
        return self._filling[self._filled : self._filled + size]

    def buffer_updated(self, nbytes: int) -> None:
        count = min(nbytes, self._remaining)
        self._filled += count
        self._uncounted += count
        self._remaining -= nbytes
        if self._remaining <= 0 or (self._filling and self._filled == len(self._filling)):
            self._hand_on()
        self._wakeup.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(aiohttp.ClientPayloadError())
        self._lender.connection_lost(exc)

    async def _listen(self) -> None:
        """Wait until something has come, or nothing will."""
        if not self._full and self._failure is None:
            try:
                async with asyncio.timeout(self._silence):
                    await self._wakeup.wait()
            except TimeoutError:
                self._fail(aiohttp.SocketTimeoutError())
        self._wakeup.clear()

    def _count(self, meter: BodyMeter) -> None:
        count, self._uncounted = self._uncounted, 0
        meter.add(count)

    def _goes_on(self) -> bool:
        return self._remaining > 0 and self._failure is None

    def _fail(self, failure: aiohttp.ClientError) -> None:
        if self._remaining > 0:
            self._failure = self._failure or failure
            self._hand_on()
            self._wakeup.set()

    def _hand_on(self) -> None:
        """Hand on what is filled and go on with a free buffer."""
        if self._filling is not None and self._filled:
            self._full.append(self._filling[: self._filled])
        self._filled = 0
        self._filling = self._next_free() if self._goes_on() else None
        if self._filling is None:
            self._transport.pause_reading()

    def _next_free(self) -> memoryview | None:
        if self._free:
            return self._free.pop()
        if self._buffer_count == _MOST_BUFFERS:
            return None
        self._buffer_count += 1
        return memoryview(bytearray(_BUFFER))

    def _recycle(self, pieces: list[memoryview]) -> None:
        self._free += [memoryview(piece.obj) for piece in pieces]
        if self._filling is None and self._goes_on():
            self._filling = self._next_free()
            self._transport.resume_reading()


_intakes: set[_Intake] = set()
