"""The simulator: two origins, a list of what came in, a queue of what goes wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from mediatoolkit.errors import ClosedError
from mediatoolkit.simulator.faults import Fault
from mediatoolkit.simulator.files import File, FileHost
from mediatoolkit.simulator.gemini import Gemini, Settings, purpose
from mediatoolkit.simulator.origin import Log, Origin
from mediatoolkit.simulator.pictures import Studio
from mediatoolkit.simulator.script import Script
from mediatoolkit.simulator.sent import Sent
from mediatoolkit.simulator.spoken import SoundForm
from mediatoolkit.simulator.wire import Answer, Ask, Line, Purpose, Request


@dataclass(kw_only=True, eq=False)
class Simulator:
    """Plays the vendors' side on loopback; `async with`, or `start()` and `close()`.

    Attributes:
        port: TCP port of the vendor's origin; 0 lets the system choose.
        key: The only key that is accepted; None accepts every key, but not a missing one.
        picture: Bytes of a PNG, JPEG or WebP that every answer carries; nothing is painted then.
        detail: Longest side in pixels of what is really painted, 64 to 1536. Larger answers are
            scaled up: they have the promised size, and come quickly when this is small.
        sound: Form of the speech in answers to `generateContent`; see `faults.SoundAs`.
        film: Bytes of an MP4 that every film is; nothing is made then.
        looks: How many polls find work in the background unfinished.
        redirects: Downloads lead to the file host by a 302 instead of bringing the file.
        models: Ids of further models, served under the loosest rules of the family that their
            name tells: `tts` speaks, `omni` films, any other draws.
        gzip: Answers are packed when the request accepts it.
        newline: Line end of event streams.
    """

    port: int = 0
    key: str | None = field(default="test-key", repr=False)
    picture: bytes | None = field(default=None, repr=False)
    detail: int = 1024
    sound: SoundForm = "pcm"
    film: bytes | None = field(default=None, repr=False)
    looks: int = 2
    redirects: bool = False
    models: tuple[str, ...] = ()
    gzip: bool = False
    newline: str = "\r\n"

    def __post_init__(self) -> None:
        """Lay out what is nobody's option."""
        self._script = Script()
        self._leaks: list[Request] = []
        self._log = Log()
        self._vendor: Origin | None = None
        self._host: Origin | None = None
        self._files = FileHost()
        settings = Settings(
            studio=Studio(self.picture, self.detail),
            host=self._files,
            elsewhere=(lambda: self.files_url) if self.redirects else None,
            key=self.key,
            extra=self.models,
            sound=self.sound,
            film=self.film,
            looks=self.looks,
            gzip=self.gzip,
            newline=self.newline,
        )
        self._gemini = Gemini(settings)

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
    def leaks(self) -> list[Request]:
        """Requests that carried a vendor key to the file host, where none belongs."""
        return self._leaks

    @property
    def aborted(self) -> int:
        """How many requests the peer broke off before the answer was sent completely."""
        return self._log.aborted

    @property
    def open_connections(self) -> int:
        """How many connections peers hold to both origins."""
        return sum(origin.connections for origin in (self._vendor, self._host) if origin)

    def then(self, *faults: Fault, at: Purpose | None = None) -> None:
        """Let the next requests at the vendor's origin meet *faults*, one each, in order.

        Args:
            faults: What goes wrong.
            at: Only requests for that purpose count: `start`, `poll`, `cancel`, `delete`,
                `download`, `list`, or `storage` for downloads at the file host. Faults that are
                aimed so come before those that are not.
        """
        self._script.then(faults, at)

    def always(self, fault: Fault | None, *, at: Purpose | None = None) -> None:
        """Let every request that meets no queued fault meet *fault*; None ends it."""
        self._script.always(fault, at)

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
        fault = self._script.fault(purpose(request))

        async def ask() -> Answer:
            return await self._gemini.answer(request, None if isinstance(fault, Sent) else fault)

        await _deliver(line, fault if isinstance(fault, Sent) else None, ask)

    async def _ask_host(self, line: Line, request: Request) -> None:
        async def ask() -> Answer:
            return self._files.answer(request)

        fault = self._files.fault(request)
        if request.origin == self.files_url:
            self._check_leak(request)
            fault = fault or self._script.storage_fault()
        await _deliver(line, fault, ask)

    def _check_leak(self, request: Request) -> None:
        given = (*request.headers.values(), *request.query.values())
        if request.key or any(self.key and self.key in each for each in given):
            self._leaks.append(request)


async def _deliver(line: Line, fault: Sent | None, ask: Ask) -> None:
    await (line.send(await ask()) if fault is None else fault.send(line, ask))


def _running(origin: Origin | None) -> Origin:
    if origin is None:
        raise ClosedError("The simulator is not running: use `async with Simulator() as sim`.")
    return origin
