"""Reading bodies: counted, capped, decompressed with care, reported."""

import asyncio
import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn

from mediatoolkit.errors import TooLargeError, TransportError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Receiving
from mediatoolkit.transport.exceptions import FOREIGN

if TYPE_CHECKING:
    import aiohttp

    from mediatoolkit.transport.session import OriginStats

_REPORT_EVERY = 0.1
_REST_WITHIN = 0.25  # seconds; a new connection takes about as long
_STEP = 1 << 16
_GZIP, _ZLIB, _BARE = 31, 15, -15
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _BARE}
_MOST_MEMBERS = 4096


class BodyMeter:
    """Counts the bytes of one body and tells the call, at most ten times a second.

    Attributes:
        total: Bytes expected, or None.
        place: Host and port for messages.
        cap: Most bytes.
        raw: The session leaves bodies packed; a foreign one usually unpacks them itself.
        received: Bytes there, those of an earlier attempt included.
    """

    __slots__ = ("_context", "_next", "_stats", "_time", "cap", "place", "raw", "received", "total")

    def __init__(
        self,
        context: CallContext,
        stats: "OriginStats",
        total: int | None,
        *,
        place: str,
        cap: int,
        raw: bool,
        received: int = 0,
    ) -> None:
        """Tell *context* that bytes begin to arrive; *stats* is the row of their origin."""
        self._context = context
        self._stats = stats
        self._time = asyncio.get_running_loop().time
        self._next = self._time() + _REPORT_EVERY
        self.total = total
        self.place = place
        self.cap = cap
        self.raw = raw
        self.received = received
        context.report(Receiving(received, total))

    def add(self, count: int) -> None:
        """Count *count* bytes more."""
        self.received += count
        self._stats.received += count
        now = self._time()
        if now >= self._next:
            self._next = now + _REPORT_EVERY
            self._context.report(Receiving(self.received, self.total))


class Inflater:
    """Undoes a compression that was not asked for, a step at a time, to its very end.

    The first byte tells which compression it is: some servers say deflate and leave out its
    frame, or mean gzip, and some proxies unpack gzip and leave its name. What lies behind the
    end, such as padding, is ignored.
    """

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
        self._inflate: zlib._Decompress | None = None
        self._members = 0
        self._is_over = self._is_plain = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Unpacked parts of at most 64 kB.

        Raises:
            TransportError: The data is damaged, its checksum included.
            TooLargeError: It has too many members.
        """
        while piece and not self._is_over:
            inflate = self._inflate or self._next_member(piece[0])
            if inflate is None:
                if self._is_plain:
                    yield from _cut(piece, _STEP)
                break
            part = self._step(inflate, piece)
            piece = inflate.unconsumed_tail or inflate.unused_data
            self._inflate = None if inflate.eof else inflate
            if part:
                yield part

    def end(self) -> None:
        """Check that nothing is missing.

        Raises:
            TransportError: The trailer has not come.
        """
        if self._inflate is not None or not (self._members or self._is_plain):
            self._raise_damaged()

    def _next_member(self, first: int) -> "zlib._Decompress | None":
        """Return what unpacks the member that begins with the byte *first*, or None."""
        if self._is_plain:
            return None
        is_gzip = first == 0x1F  # never the first byte of bare deflate, nor is that of a zlib frame
        if self._members and not (is_gzip and self._window == _GZIP):
            self._is_over = True
            return None
        # RFC 1950, 2.2: the low half of a frame's first byte is the method, and 8 means deflate.
        is_zlib = first & 0x0F == 8
        if self._window == _GZIP and not (is_gzip or is_zlib):
            self._is_plain = True
            return None
        self._members += 1
        if self._members > _MOST_MEMBERS:
            raise TooLargeError(
                f"{self._place} packed its answer in more than {_MOST_MEMBERS:,} parts, so it was "
                "not read further; ask again."
            )
        window = _GZIP if is_gzip else _ZLIB if is_zlib else self._window
        return zlib.decompressobj(window)

    def _step(self, inflate: "zlib._Decompress", piece: bytes) -> bytes:
        part = None
        with contextlib.suppress(zlib.error):  # raised below, without it
            part = inflate.decompress(piece, _STEP)
        return self._raise_damaged() if part is None else part

    def _raise_damaged(self) -> NoReturn:
        raise TransportError(f"The packed answer of {self._place} is damaged or cut; ask again.")


def inflater_of(response: "aiohttp.ClientResponse", meter: BodyMeter) -> Inflater | None:
    """Return what unpacks *response*, or None where its body is not packed.

    Raises:
        TransportError: It is packed in a way that we do not know.
    """
    if not meter.raw:
        return None
    names = response.headers.get("Content-Encoding", "").lower().split(",")
    encodings = [name.strip() for name in names if name.strip() not in ("", "identity")]
    return Inflater(", ".join(encodings), meter.place) if encodings else None


async def read_body(
    response: "aiohttp.ClientResponse",
    take: Callable[[bytes], object],
    meter: BodyMeter,
    *,
    turn: int = 1 << 20,
) -> None:
    """Hand every piece of a body to *take* while it arrives.

    Args:
        response: Its body is unread.
        take: Gets the pieces.
        meter: Counts them.
        turn: Bytes that are taken before other tasks of the loop run.

    Raises:
        TooLargeError: It declares or has more bytes than the cap, packed or not.
        TransportError: It is packed in a way that is not known, or damaged.
    """
    packed = "Content-Encoding" in response.headers
    inflater = inflater_of(response, meter) if packed else None
    if meter.total is not None and meter.total > meter.cap:
        raise too_large(meter)
    count = since_pause = 0
    content = response.content
    while not content.at_eof():
        piece = await content.readany()
        meter.add(len(piece))
        parts: Iterable[bytes] = (piece,)
        if inflater is not None:
            parts = inflater.feed(piece)
        elif len(piece) > turn:
            parts = _cut(piece, turn)
        for part in parts:
            count += len(part)
            if max(count, meter.received) > meter.cap:
                raise too_large(meter)
            take(part)
            since_pause += len(part)
            # A fast peer always has the next piece ready, so awaiting it never pauses.
            if since_pause >= turn:
                since_pause = 0
                await asyncio.sleep(0)
    if inflater is not None:
        inflater.end()


async def skip_rest(response: "aiohttp.ClientResponse") -> None:
    """Read to the end of a body that nobody wants, if it comes soon, to keep the connection."""
    with contextlib.suppress(TimeoutError, *FOREIGN):
        async with asyncio.timeout(_REST_WITHIN):
            while not response.content.at_eof():
                await response.content.readany()


def _cut(piece: bytes, size: int) -> Iterator[bytes]:
    return (piece[at : at + size] for at in range(0, len(piece), size))


def too_large(meter: BodyMeter) -> TooLargeError:
    """Error for a body past its cap."""
    return TooLargeError(
        f"The answer of {meter.place} is larger than {meter.cap / 2**20:g} MiB and was not read "
        "further; raise the cap with limits=Limits(...) if that is expected."
    )
