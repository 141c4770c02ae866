"""The simulator: an origin for each vendor, a file host, a log, and a queue of what goes wrong."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

from mediatoolkit.errors import ClosedError
from mediatoolkit.simulator.api_faults import ApiFault
from mediatoolkit.simulator.faults import Fault
from mediatoolkit.simulator.hosting import HostedFile
from mediatoolkit.simulator.http import (
    Connection,
    HttpResponse,
    HttpServer,
    Request,
    Respond,
    TrafficLog,
)
from mediatoolkit.simulator.meter import Meter
from mediatoolkit.simulator.network_faults import NetworkFault
from mediatoolkit.simulator.vendor import Purpose, Settings, Vendor

VENDORS: dict[str, str] = {
    "gemini": "gemini:Gemini",
    "openai": "openai:OpenAI",
    "openrouter": "openrouter:OpenRouter",
    "together": "together:Together",
    "xai": "xai:XAI",
    "mistral": "mistral:Mistral",
    "elevenlabs": "elevenlabs:ElevenLabs",
    "fal": "fal:Fal",
    "replicate": "replicate:Replicate",
    "huggingface": "huggingface:HuggingFace",
    "bfl": "bfl:BFL",
    "localai": "localai:LocalAI",
    "vllm": "vllm:VLLM",
    "automatic1111": "automatic1111:Automatic1111",
    "comfyui": "comfyui:ComfyUI",
}
"""Module and class of each vendor; only those that are played are imported."""


@dataclass(frozen=True, slots=True, eq=False)
class VendorSite:
    """One vendor at its origin."""

    vendor: Vendor
    server: HttpServer

    @property
    def url(self) -> str:
        """The vendor's origin, such as `http://127.0.0.1:40001`."""
        if not self.server.url:
            raise _not_running()
        return self.server.url

    @property
    def meter(self) -> Meter:
        """What this vendor billed."""
        return self.vendor.settings.meter.of(self.vendor.name)


@dataclass(kw_only=True, eq=False)
class Simulator(Settings):
    """Plays the vendors' side on loopback; `async with`, or `start()` and `close()`.

    Attributes:
        vendors: Who is played, by the names of the attributes below, such as `"fal"`; left out,
            Gemini and OpenAI. `sim.url` is the origin of the first.
        port: TCP port of the first vendor's origin; 0 lets the system choose.
        key: The only key that is accepted; None accepts every key, but not a missing one.
        picture: Bytes of a PNG, JPEG or WebP that every answer carries; nothing is drawn then.
        detail: Longest side in pixels of what is really drawn, 64 to 1536. Larger answers are
            scaled up: they have the promised size, and are quick and light when this is small.
            From 1024 on, an answer weighs as much as those of the real service.
        sound: Form of the speech in answers to `generateContent`; see `faults.SoundAs`.
        film: Bytes of an MP4 that every film is; nothing is made then.
        looks: How many polls find work in the background, or a batch, unfinished.
        redirects: Downloads lead on by a 302 instead of bringing the file: `"same"` to the vendor's
            own origin, where the key is needed again, as Google does; True to the file host, where
            a key is a leak.
        models: Ids of further models, served under the loosest rules of the family that their
            name tells: `tts` speaks, `omni` films, any other draws. A model that has ended is
            served again.
        ended: Ids of further models that have ended.
        gzip: Answers are packed when the request accepts it.
        newline: Line end of event streams.
        auto: What OpenAI chooses where a request says `auto` or nothing: `quality`, `size`.
        thoughts: Tokens that a Gemini model thinks for a picture or film; a `range` varies them.
        unnamed: Tokens of a Gemini picture's response that are billed as text and have no modality;
            recorded responses have up to 660. A `range` varies them.
        seed: Another one varies otherwise.
        day: The day whose prices hold; None is today.
        per_minute: How many generations a key may start in a minute at each vendor; one too many is
            answered with 429, and with the wait as the vendor tells it. None is any number.
        burst: How many of them it may start at once; None is all of a minute.
        steps: How many steps ComfyUI and AUTOMATIC1111 take for a picture; None is what the request
            says. `sim.pace.hold(3)` holds the next picture before its third step.
        step_seconds: How long each of these steps lasts.
        meter: What the vendors billed, request by request: `records`, `total`, `unfinished`.
            `sim.gemini.meter` reads one vendor's. `simulator/meter.py` says when they bill.
    """

    vendors: tuple[str, ...] = ("gemini", "openai")

    def __post_init__(self) -> None:
        """Lay out what is nobody's option."""
        super().__post_init__()
        for name in self.vendors:
            if name not in VENDORS:
                raise ValueError(f"{name!r} is not simulated: use {', '.join(VENDORS)}.")
        if not {"quality", "size"}.issuperset(self.auto):
            raise ValueError("auto= takes 'quality' and 'size'.")
        self._log = TrafficLog(changed=self.changed)
        self._faults = _FaultQueue()
        self._leaks: list[Request] = []
        self._purposes: list[tuple[Request, Purpose]] = []
        self._sites: dict[str, VendorSite] = {}
        self._vendors = {name: self._make_vendor(name) for name in self.vendors}
        self._files_server: HttpServer | None = None

    @property
    def gemini(self) -> VendorSite:
        """Gemini, at an origin of its own."""
        return self._site("gemini")

    @property
    def openai(self) -> VendorSite:
        """OpenAI, at an origin of its own; its base URL is `sim.openai.url + "/v1"`."""
        return self._site("openai")

    @property
    def openrouter(self) -> VendorSite:
        """OpenRouter; its base URL is `sim.openrouter.url + "/api/v1"`."""
        return self._site("openrouter")

    @property
    def together(self) -> VendorSite:
        """Together."""
        return self._site("together")

    @property
    def xai(self) -> VendorSite:
        """xAI; its base URL is `sim.xai.url + "/v1"`."""
        return self._site("xai")

    @property
    def mistral(self) -> VendorSite:
        """Mistral."""
        return self._site("mistral")

    @property
    def elevenlabs(self) -> VendorSite:
        """ElevenLabs."""
        return self._site("elevenlabs")

    @property
    def fal(self) -> VendorSite:
        """fal: its queue and its storage at one origin."""
        return self._site("fal")

    @property
    def replicate(self) -> VendorSite:
        """Replicate."""
        return self._site("replicate")

    @property
    def huggingface(self) -> VendorSite:
        """The router of Hugging Face."""
        return self._site("huggingface")

    @property
    def bfl(self) -> VendorSite:
        """Black Forest Labs."""
        return self._site("bfl")

    @property
    def localai(self) -> VendorSite:
        """A LocalAI server; its base URL is `sim.localai.url + "/v1"`."""
        return self._site("localai")

    @property
    def vllm(self) -> VendorSite:
        """A vLLM-omni server; its base URL is `sim.vllm.url + "/v1"`."""
        return self._site("vllm")

    @property
    def automatic1111(self) -> VendorSite:
        """A server of stable-diffusion-webui."""
        return self._site("automatic1111")

    @property
    def comfyui(self) -> VendorSite:
        """A ComfyUI server."""
        return self._site("comfyui")

    @property
    def url(self) -> str:
        """The first vendor's origin, such as `http://127.0.0.1:40001`."""
        return self._site(self.vendors[0]).url

    @property
    def urls(self) -> dict[str, str]:
        """The origin of each vendor that is played, by its name."""
        return {name: self._site(name).url for name in self.vendors}

    @property
    def files_url(self) -> str:
        """The file host's origin, on another port."""
        if self._files_server is None:
            raise _not_running()
        return self._files_server.url

    @property
    def requests(self) -> list[Request]:
        """What came in at every origin, in order."""
        return self._log.requests

    def requests_for(self, purpose: Purpose) -> list[Request]:
        """What came in for one purpose, in order; those for `start` begin what is paid."""
        return [request for request, each in self._purposes if each == purpose]

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
        """How many connections peers hold to all origins."""
        return sum(server.connections for server in self._servers())

    def then(self, *faults: Fault, at: Purpose | None = None) -> None:
        """Let the next requests at the vendors' origins meet *faults*, one each, in order.

        Args:
            faults: What goes wrong.
            at: Only requests for that purpose count: `start`, `poll`, `cancel`, `delete`, `upload`,
                `download`, `list`, `socket` for a WebSocket, or `storage` for downloads at the file
                host. Faults that are aimed so come before those that are not; a WebSocket meets
                none but those that are aimed at it.
        """
        self._faults.then(faults, at)

    def always(self, fault: Fault | None, *, at: Purpose | None = None) -> None:
        """Let every request that meets no queued fault meet *fault*; None ends it."""
        self._faults.always(fault, at)

    def clear_faults(self) -> None:
        """Forget all faults that `then` and `always` have set and no request has met."""
        self._faults.clear()

    def host(
        self,
        data: bytes,
        mime_type: str,
        *,
        faults: Sequence[NetworkFault] = (),
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
        file = HostedFile(data, mime_type, iter(faults), ranges, later)
        return self.files_url + self.file_host.host(file)

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
        return origin + self.file_host.redirect(to, status=status)

    @property
    def open_sockets(self) -> int:
        """How many WebSockets are open."""
        return len(self._log.sockets)

    def drop_sockets(self) -> None:
        """Reset every open WebSocket, as a network that fails does."""
        for connection in list(self._log.sockets):
            connection.reset()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds; it is looked at whenever a request or connection moves."""
        while not condition():
            self._log.changed.clear()
            await self._log.changed.wait()

    async def start(self) -> Self:
        """Open every origin. Starting twice changes nothing.

        Raises:
            OSError: `port` is taken.
        """
        if self._files_server is not None:
            return self
        try:
            for number, name in enumerate(self.vendors):
                self._sites[name] = self._make_site(name)
                await self._sites[name].server.listen(0 if number else self.port)
            server = HttpServer(self._serve_file, self._log)
            await server.listen(0)
            self._files_server = server
        except OSError:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        """End every request and connection, free the ports. Closing twice changes nothing."""
        servers = self._servers()
        self._sites, self._files_server = {}, None
        for server in servers:
            await server.close()
        work = list(self._work)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        """Close."""
        await self.close()

    def _site(self, name: str) -> VendorSite:
        if name not in self.vendors:
            raise ValueError(f"{name} is not played: use Simulator(vendors=({name!r},)).")
        if name not in self._sites:
            raise _not_running()
        return self._sites[name]

    def _servers(self) -> list[HttpServer]:
        servers = [site.server for site in self._sites.values()]
        return [*servers, self._files_server] if self._files_server else servers

    def _make_site(self, name: str) -> VendorSite:
        async def serve(connection: Connection, request: Request) -> None:
            await self._serve_vendor(vendor, connection, request)

        vendor = self._vendors[name]
        return VendorSite(vendor, HttpServer(serve, self._log))

    def _make_vendor(self, name: str) -> Vendor:
        module, _, kind = VENDORS[name].partition(":")
        vendor: type[Vendor] = getattr(import_module(f"mediatoolkit.simulator.{module}"), kind)
        return vendor(self, lambda: self._site(name).url, lambda: self.files_url)

    async def _serve_vendor(self, vendor: Vendor, connection: Connection, request: Request) -> None:
        if self.file_host.knows(request.path):
            await self._serve_file(connection, request)
            return
        purpose = vendor.purpose(request)
        self._purposes.append((request, purpose))
        fault = self._faults.next(purpose)
        network_fault = fault if isinstance(fault, NetworkFault) else None
        api_fault = fault if isinstance(fault, ApiFault) else None

        async def respond() -> HttpResponse:
            return await self._work_on(vendor.respond(request, api_fault))

        if network_fault is not None and network_fault.loses_response and purpose == "start":
            await respond()
        await _deliver(connection, network_fault, respond)

    async def _work_on(self, work: Coroutine[Any, Any, HttpResponse]) -> HttpResponse:
        """Carry *work* to its end, and to its bill, even when the peer leaves meanwhile."""
        return await asyncio.shield(self.begin(work))

    async def _serve_file(self, connection: Connection, request: Request) -> None:
        async def respond() -> HttpResponse:
            return self.file_host.respond(request)

        fault = self.file_host.fault(request)
        if request.origin == self.files_url:
            self._check_leak(request)
            fault = fault or self._faults.next_at_file_host()
        await _deliver(connection, fault, respond)

    def _check_leak(self, request: Request) -> None:
        values = (*request.headers.values(), *request.query.values())
        if request.key or any(self.key and self.key in value for value in values):
            self._leaks.append(request)


class _FaultQueue:
    """Queued and standing faults, some of them aimed at requests for one purpose."""

    def __init__(self) -> None:
        self._queued: defaultdict[Purpose | None, deque[Fault]] = defaultdict(deque)
        self._standing: dict[Purpose | None, Fault | None] = {}

    def then(self, faults: Iterable[Fault], at: Purpose | None) -> None:
        faults = tuple(faults)
        _check_aim(faults, at)
        self._queued[at].extend(faults)

    def always(self, fault: Fault | None, at: Purpose | None) -> None:
        _check_aim((fault,), at)
        self._standing[at] = fault

    def clear(self) -> None:
        self._queued.clear()
        self._standing.clear()

    def next(self, purpose: Purpose) -> Fault | None:
        """What a request for *purpose* at a vendor's origin meets; queued faults are used up."""
        aims = (purpose,) if purpose == "socket" else (purpose, None)
        queued = next((self._queued[at] for at in aims if self._queued[at]), None)
        if queued:
            return queued.popleft()
        return next((self._standing[at] for at in aims if self._standing.get(at)), None)

    def next_at_file_host(self) -> NetworkFault | None:
        """What a request at the file host meets."""
        queue = self._queued["storage"]
        fault = queue.popleft() if queue else self._standing.get("storage")
        return fault if isinstance(fault, NetworkFault) else None


def _check_aim(faults: Iterable[Fault | None], at: Purpose | None) -> None:
    if at == "storage" and any(isinstance(fault, ApiFault) for fault in faults):
        raise TypeError("At the file host only faults in how the bytes travel can be met.")


async def _deliver(connection: Connection, fault: NetworkFault | None, respond: Respond) -> None:
    if fault is None:
        await connection.send(await respond())
    else:
        await fault.send(connection, respond)


def _not_running() -> ClosedError:
    return ClosedError("The simulator is not running: use `async with Simulator() as sim`.")
