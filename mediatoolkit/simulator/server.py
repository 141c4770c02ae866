"""The simulator: two origins, a list of what came in, a queue of what goes wrong."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from mediatoolkit.errors import ClosedError
from mediatoolkit.simulator.faults import Fault
from mediatoolkit.simulator.files import File, FileHost
from mediatoolkit.simulator.gemini import Gemini
from mediatoolkit.simulator.origin import Log, Origin
from mediatoolkit.simulator.pictures import Studio
from mediatoolkit.simulator.sent import Sent
from mediatoolkit.simulator.wire import Answer, Ask, Line, Request


@dataclass(kw_only=True, eq=False)
class Simulator:
    """Plays the vendors' side on loopback; `async with`, or `start()` and `close()`.

    Attributes:
        port: TCP port of the vendor's origin; 0 lets the system choose.
        key: The only key that is accepted; None accepts every key, but not a missing one.
        picture: Bytes of a PNG, JPEG or WebP that every answer carries; nothing is painted then.
        detail: Longest side in pixels of what is really painted, 64 to 1536. Larger answers are
            scaled up: they have the promised size, and come quickly when this is small.
        models: Ids of further picture models, served under the loosest rules.
        gzip: Answers are packed when the request accepts it.
        newline: Line end of event streams.
    """

    port: int = 0
    key: str | None = field(default="test-key", repr=False)
    picture: bytes | None = field(default=None, repr=False)
    detail: int = 1024
    models: tuple[str, ...] = ()
    gzip: bool = False
    newline: str = "\r\n"

    def __post_init__(self) -> None:
        """Lay out what is nobody's option."""
        self._next: deque[Fault] = deque()
        self._always: Fault | None = None
        self._log = Log()
        self._vendor: Origin | None = None
        self._host: Origin | None = None
        self._files = FileHost()
        self._gemini = Gemini(
            studio=Studio(self.picture, self.detail),
            key=self.key,
            extra=self.models,
            gzip=self.gzip,
            newline=self.newline,
        )

    @property
    def url(self) -> str:
        """The vendor's origin, such as `http://127.0.0.1:40001`."""
        return _running(self._vendor).url

    @property
    def files_url(self) -> str:
        """The file host's origin, on another port."""
        return _running(self._host).url

    @property
    def requests(self) -> list[Request]:
        """What came in at both origins, in order."""
        return self._log.requests

    @property
    def aborted(self) -> int:
        """How many requests the peer broke off before the answer was sent completely."""
        return self._log.aborted

    @property
    def open_connections(self) -> int:
        """How many connections peers hold to both origins."""
        return sum(origin.connections for origin in (self._vendor, self._host) if origin)

    def then(self, *faults: Fault) -> None:
        """Let the next requests at the vendor's origin meet *faults*, one each, in order."""
        self._next.extend(faults)

    def always(self, fault: Fault | None) -> None:
        """Let every request that meets no queued fault meet *fault*; None ends it."""
        self._always = fault

    def host(
        self,
        data: bytes,
        mime_type: str,
        *,
        faults: Sequence[Sent] = (),
        ranges: bool = True,
        later: bytes | None = None,
    ) -> str:
        """Serve *data* at the file host.

        Args:
            data: The file.
            mime_type: Its `Content-Type`.
            faults: The first requests for this file meet them, one each, in order.
            ranges: Whether `Range` is understood; without it every answer is the whole file.
            later: The file has changed to this after the first answer, and so has its `ETag`.

        Returns:
            Its URL.
        """
        file = File(data, mime_type, iter(faults), ranges, later)
        return self.files_url + self._files.host(file)

    def redirect(self, to: str | None = None, *, status: int = 302, vendor: bool = False) -> str:
        """Serve an address that names another one.

        Args:
            to: Where it points; left out, to itself.
            status: 301, 302, 303, 307 or 308.
            vendor: Serve it at the vendor's origin instead of the file host's.

        Returns:
            Its URL.
        """
        origin = self.url if vendor else self.files_url
        return origin + self._files.redirect(to, status=status)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds; it is looked at whenever a request or connection moves."""
        while not condition():
            self._log.changed.clear()
            await self._log.changed.wait()

    async def start(self) -> Self:
        """Open both origins. Starting twice changes nothing.

        Raises:
            OSError: `port` is taken.
        """
        if self._vendor is None:
            vendor, host = Origin(self._ask_vendor, self._log), Origin(self._ask_host, self._log)
            await vendor.listen(self.port)
            await host.listen(0)
            self._vendor, self._host = vendor, host
        return self

    async def close(self) -> None:
        """End every request and connection, free the ports. Closing twice changes nothing."""
        vendor, host, self._vendor, self._host = self._vendor, self._host, None, None
        for origin in (vendor, host):
            if origin is not None:
                await origin.close()

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        """Close."""
        await self.close()

    async def _ask_vendor(self, line: Line, request: Request) -> None:
        if self._files.knows(request.path):
            await self._ask_host(line, request)
            return
        fault = self._next.popleft() if self._next else self._always

        async def ask() -> Answer:
            return await self._gemini.answer(request, None if isinstance(fault, Sent) else fault)

        await _deliver(line, fault if isinstance(fault, Sent) else None, ask)

    async def _ask_host(self, line: Line, request: Request) -> None:
        async def ask() -> Answer:
            return self._files.answer(request)

        await _deliver(line, self._files.fault(request), ask)


async def _deliver(line: Line, fault: Sent | None, ask: Ask) -> None:
    await (line.send(await ask()) if fault is None else fault.send(line, ask))


def _running(origin: Origin | None) -> Origin:
    if origin is None:
        raise ClosedError("The simulator is not running: use `async with Simulator() as sim`.")
    return origin
