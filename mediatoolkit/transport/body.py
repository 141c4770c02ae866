"""Reading bodies: counted, capped, decompressed with care, reported."""

import asyncio
import contextlib
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn

from mediatoolkit.call import Call
from mediatoolkit.errors import TooLargeError, TransportError
from mediatoolkit.stages import Receiving

if TYPE_CHECKING:
    import aiohttp

    from mediatoolkit.transport.session import Tally

_REPORT_EVERY = 0.1
_STEP = 1 << 16
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Meter:
    """Counts bytes and tells the call, at most ten times a second.

    Args:
        call: Who is told.
        tally: Line of the origin that the bytes come from.
        total: Bytes expected, or None.
        received: Bytes there already, from an earlier try.
    """

    __slots__ = ("_call", "_next", "_tally", "_time", "received", "total")

    def __init__(self, call: Call, tally: "Tally", total: int | None, received: int = 0) -> None:
        """Tell that bytes begin to arrive."""
        self._call = call
        self._tally = tally
        self._time = asyncio.get_running_loop().time
        self._next = self._time() + _REPORT_EVERY
        self.total = total
        self.received = received
        call.report(Receiving(received, total))

    def add(self, count: int) -> None:
        """Count *count* bytes more."""
        self.received += count
        self._tally.received += count
        now = self._time()
        if now >= self._next:
            self._next = now + _REPORT_EVERY
            self._call.report(Receiving(self.received, self.total))


class Inflater:
    """Undoes a compression that was not asked for, a step at a time, to its very end."""

    def __init__(self, encoding: str, place: str) -> None:
        """Check that the encoding is one we know.

        Raises:
            TransportError: It is not.
        """
        self._place = place
        if encoding not in _WINDOWS:
            raise TransportError(
                f"{place} packed its answer in a way that was not asked for; check the proxy "
                "between, if there is one."
            )
        self._window = _WINDOWS[encoding]
        self._inflate = zlib.decompressobj(self._window)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Unpacked parts of at most 64 kB.

        Raises:
            TransportError: The data is damaged, its checksum included.
        """
        while piece:
            if self._inflate.eof:  # gzip allows one member after the other
                self._inflate = zlib.decompressobj(self._window)
            part = self._step(piece)
            piece = self._inflate.unconsumed_tail or self._inflate.unused_data
            if part:
                yield part

    def end(self) -> None:
        """Check that nothing is missing.

        Raises:
            TransportError: The trailer has not come.
        """
        if not self._inflate.eof:
            self._damaged()

    def _step(self, piece: bytes) -> bytes:
        part = None
        with contextlib.suppress(zlib.error):  # raised below, without it
            part = self._inflate.decompress(piece, _STEP)
        return self._damaged() if part is None else part

    def _damaged(self) -> NoReturn:
        raise TransportError(f"The packed answer of {self._place} is damaged or cut; ask again.")


def inflater_of(response: "aiohttp.ClientResponse", place: str, *, raw: bool) -> Inflater | None:
    """What *response* needs to be unpacked.

    Args:
        response: Whose body is to be read.
        place: Host and port for messages.
        raw: The session leaves bodies as they come; a foreign one usually unpacks them itself.

    Raises:
        TransportError: It is packed in a way that we do not know.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if not raw or encoding in ("", "identity"):
        return None
    return Inflater(encoding, place)


async def read_body(
    response: "aiohttp.ClientResponse",
    take: Callable[[bytes], None],
    *,
    meter: Meter,
    cap: int,
    inflater: Inflater | None,
    place: str,
) -> None:
    """Hand every piece of a body to *take* while it arrives.

    Raises:
        TooLargeError: It declares or has more than *cap* bytes after decompression.
        TransportError: It is packed and damaged.
    """
    if meter.total is not None and meter.total > cap:
        raise too_large(place, cap)
    count = 0
    content = response.content
    while not content.at_eof():
        piece = await content.readany()
        meter.add(len(piece))
        for part in (piece,) if inflater is None else inflater.feed(piece):
            count += len(part)
            if count > cap:
                raise too_large(place, cap)
            take(part)
    if inflater is not None:
        inflater.end()


def too_large(place: str, cap: int) -> TooLargeError:
    """Error for a body past its cap."""
    return TooLargeError(
        f"The answer of {place} is larger than {cap / 2**20:g} MiB and was not read further; "
        "raise the cap with limits=Limits(...) if that is expected."
    )
