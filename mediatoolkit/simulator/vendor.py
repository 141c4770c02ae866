"""What every simulated vendor is made of: settings, endpoints, and the way of a request."""

import asyncio
import gzip
import json
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, ClassVar, Literal, TypeVar

from mediatoolkit.simulator.api_faults import ApiFault, BadPicture, EchoKey, Garbage, Status
from mediatoolkit.simulator.broken_media import escaped, garbage
from mediatoolkit.simulator.hosting import FileHost
from mediatoolkit.simulator.http import HTML, JSON, HttpResponse, Request
from mediatoolkit.simulator.meter import Meter
from mediatoolkit.simulator.pacing import Pace
from mediatoolkit.simulator.pictures import PictureMaker
from mediatoolkit.simulator.rates import RequestRate
from mediatoolkit.simulator.schema import SchemaError

Purpose = Literal[
    "start", "poll", "socket", "cancel", "delete", "upload", "download", "storage", "list"
]
"""What a request is for: to start a generation, to look after it, to be told of it over a socket,
to cancel it, to delete it or a file, to upload a file, to fetch a file from the vendor or from the
host the vendor leads to, or to look something up."""

_T = TypeVar("_T")

SoundForm = Literal["pcm", "pcm_rfc", "wav", "endless_wav"]


@dataclass(kw_only=True, eq=False)
class Settings:
    """How a vendor behaves; `Simulator` describes each setting."""

    port: int = 0
    key: str | None = field(default="test-key", repr=False)
    picture: bytes | None = field(default=None, repr=False)
    detail: int = 1024
    sound: SoundForm = "pcm"
    film: bytes | None = field(default=None, repr=False)
    looks: int = 2
    redirects: bool | Literal["same"] = False
    models: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    gzip: bool = False
    newline: str = "\r\n"
    auto: Mapping[str, str] = field(default_factory=dict)
    thoughts: int | range = 120
    unnamed: int | range = 398
    seed: int = 0
    day: date | None = None
    per_minute: int | None = None
    burst: int | None = None
    steps: int | None = None
    step_seconds: float = 0.0
    meter: Meter = field(init=False, repr=False)
    pictures: PictureMaker = field(init=False, repr=False)
    file_host: FileHost = field(init=False, repr=False)
    pace: Pace = field(init=False, repr=False)
    changed: asyncio.Event = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make what the vendors share."""
        self.meter = Meter()
        self._random = random.Random(self.seed)  # noqa: S311 - nothing secret is drawn
        self.pictures = PictureMaker(self.picture, self.detail)
        self.file_host = FileHost()
        self.pace = Pace(self.steps, self.step_seconds)
        self.changed = asyncio.Event()
        self._work: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Carry *work* on in the background, until it ends or the simulator closes."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._work.discard(task)
        self.changed.set()

    def draw(self, count: int | range) -> int:
        """*count*, or one of its range; by chance, and the same in every run."""
        return self._random.choice(count) if isinstance(count, range) else count


class RejectedError(Exception):
    """A request that gets an error response.

    Attributes:
        response: The response.
    """

    def __init__(self, response: HttpResponse) -> None:
        """Keep the response."""
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request at one endpoint.

    Attributes:
        request: What came in.
        match: The match of the path; its groups name the model, the file and so on.
        fault: What the vendor is to get wrong, or None.
        meter: Where work is billed that is done at once.
    """

    request: Request
    match: re.Match[str]
    fault: ApiFault | None
    meter: Meter


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path.

    Attributes:
        method: `GET`, `POST`, …
        path: A regular expression for the whole path.
        purpose: What requests there are for.
        respond: Answers one call; may raise `RejectedError` or `SchemaError`.
    """

    method: str
    path: str
    purpose: Purpose
    respond: Callable[[ApiCall], Awaitable[HttpResponse]]


class Vendor(ABC):
    """One vendor: its endpoints, its keys and its errors.

    Args:
        settings: How the simulator was set up.
        origin: The origin of this vendor once it is listening.
        files_origin: The origin of the file host.
    """

    name: ClassVar[str]
    needs_key: ClassVar[bool] = True
    body_cap: ClassVar[int] = 100 << 20  # bytes

    def __init__(
        self, settings: Settings, origin: Callable[[], str], files_origin: Callable[[], str]
    ) -> None:
        """Lay out the endpoints."""
        self.settings = settings
        self.origin = origin
        self.files_origin = files_origin
        self.endpoints = tuple(self.make_endpoints())
        self._rates: dict[str | None, RequestRate] = {}

    @abstractmethod
    def make_endpoints(self) -> Sequence[Endpoint]:
        """Everything that this vendor plays."""

    @abstractmethod
    def error(self, code: int, message: str | None = None) -> HttpResponse:
        """An error in the vendor's envelope; left out, the message is a usual one."""

    @abstractmethod
    def key_error(self, key: str | None) -> HttpResponse:
        """The error for a wrong key, or for none."""

    @abstractmethod
    def schema_error(self, error: SchemaError, request: Request) -> HttpResponse:
        """The error for a body that does not fit the schema."""

    @abstractmethod
    def status_fault(self, fault: Status, request: Request) -> HttpResponse:
        """The error that *fault* orders."""

    def headers(self, _request: Request) -> dict[str, str]:
        """What stands in the head of every response."""
        return {}

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """What is said to one request too many; *seconds* later there is room for one."""
        return Status(429, retry_delay=f"{seconds:.9f}s", quota=per_minute)

    def rate(self, key: str | None) -> RequestRate | None:
        """How much *key* may start, or None for any number."""
        per_minute = self.settings.per_minute
        if per_minute is None:
            return None
        rate = RequestRate(per_minute, self.settings.burst or per_minute)
        return self._rates.setdefault(key, rate)

    def purpose(self, request: Request) -> Purpose:
        """What *request* is for."""
        route = self._find(request)
        return route[0].purpose if route else "start"

    def admit(self, request: Request) -> None:
        """Turn down a missing key or a wrong one, unless none is needed, or too large a body.

        Raises:
            RejectedError: It is turned down.
        """
        key = self.settings.key
        if self.needs_key and (request.key is None or (key is not None and request.key != key)):
            raise RejectedError(self.key_error(request.key))
        if len(request.data) > self.body_cap:
            raise RejectedError(self.error(413))

    def limit(self, request: Request) -> None:
        """Turn down what is more than the key of *request* may start now.

        Raises:
            RejectedError: It is turned down.
        """
        rate, per_minute = self.rate(request.key), self.settings.per_minute
        seconds = rate.take() if rate else 0
        if seconds and per_minute:
            fault = self.rate_fault(seconds, per_minute)
            raise RejectedError(_advised(fault, self.status_fault(fault, request)))

    async def respond(
        self, request: Request, fault: ApiFault | None, meter: Meter | None = None
    ) -> HttpResponse:
        """Answer *request*, under *fault*.

        Args:
            request: What came in, or one request of a batch.
            fault: What the vendor is to get wrong.
            meter: Where a request of a batch is billed; no rate holds for such a one.
        """
        try:
            response = await self._respond(request, fault, meter or self.settings.meter)
        except RejectedError as rejected:
            response = rejected.response
        except SchemaError as error:
            response = self.schema_error(error, request)
        response = replace(response, headers={**self.headers(request), **response.headers})
        is_json = response.headers.get("Content-Type") == JSON["Content-Type"]
        if is_json and fault == BadPicture("escaped_base64"):
            response = replace(response, body=escaped(response.body.decode()).encode())
        packs = self.settings.gzip and meter is None
        if packs and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers = {**response.headers, "Content-Encoding": "gzip"}
            return replace(response, body=gzip.compress(response.body, 1), headers=headers, cuts=())
        return response

    async def _respond(
        self, request: Request, fault: ApiFault | None, meter: Meter
    ) -> HttpResponse:
        # These come before the key is looked at, as from a front end that never asks the vendor.
        match fault:
            case Status(html=True):
                page = f"<html><title>Error {fault.code}</title>Service Unavailable</html>"
                return _advised(fault, HttpResponse(page.encode(), fault.code, HTML))
            case Status():
                return _advised(fault, self.status_fault(fault, request))
            case EchoKey(code):
                return self.error(code, f"The key {request.key} must not be used here.")
            case Garbage(kind):
                if self.purpose(request) == "start":
                    # The work is done, and billed; only its response is lost.
                    await self.respond(request, None, meter)
                return HttpResponse(garbage(kind), headers=HTML if kind == "html" else JSON)
        route = self._find(request)
        if route is None:
            return self.error(501, f"The simulator does not play {request.method} {request.path}.")
        self.admit(request)
        endpoint, match = route
        if endpoint.purpose == "start" and meter is self.settings.meter:
            self.limit(request)
        return await endpoint.respond(ApiCall(request, match, fault, meter))

    def _find(self, request: Request) -> tuple[Endpoint, re.Match[str]] | None:
        for endpoint in self.endpoints:
            match = re.fullmatch(endpoint.path, request.path)
            if match is not None and endpoint.method == request.method:
                return endpoint, match
        return None


def _advised(fault: Status, response: HttpResponse) -> HttpResponse:
    """*response* with the headers that say whether and when to ask again."""
    advice = {
        "Retry-After": fault.retry_after,
        "retry-after-ms": fault.retry_after_ms,
        "x-should-retry": fault.should_retry,
    }
    headers = {
        name: json.dumps(value).strip('"') for name, value in advice.items() if value is not None
    }
    return replace(response, headers={**response.headers, **headers})
