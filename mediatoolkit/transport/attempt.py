"""One attempt: a request goes out, its response is read, and a loss is judged."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload
from yarl import URL

from mediatoolkit.errors import (
    BudgetError,
    MediaToolkitError,
    ProviderError,
    RateLimitError,
    RefusalError,
)
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Connecting, Waiting
from mediatoolkit.runtime.in_flight import closed
from mediatoolkit.transport.body import BodyMeter, read_body, skip_rest
from mediatoolkit.transport.encode import EncodedBody
from mediatoolkit.transport.exceptions import FOREIGN, is_loss, translate, was_hung_up
from mediatoolkit.transport.guard import Origin
from mediatoolkit.transport.json_media import MediaScanner, Utf8, joined
from mediatoolkit.transport.policy import UNHEARD_WITHIN, AttemptPhase, Dialect, Limits, Retry
from mediatoolkit.transport.response import (
    ReadError,
    Response,
    error_within,
    explain_unread,
    failed_by,
    is_html,
)
from mediatoolkit.transport.retry import FailedAttempt, Slots
from mediatoolkit.transport.route import USER_AGENT, Route, durations, route_to
from mediatoolkit.transport.scope import Scope
from mediatoolkit.transport.secret import HiddenText, Secret
from mediatoolkit.transport.sse import EventReader, EventSplitter, LineSplitter, StreamEnded

Expect = Literal["json", "bytes", "events", "lines", "pieces"]
STREAMED = frozenset({"events", "lines", "pieces"})
Sink = Callable[[Response], None]

_FORMS: Mapping[str, Expect] = {"application/json": "json", "text/event-stream": "events"}
_NO_MEDIA: Mapping[str, bytes] = {}
_EVENTS_TURN = 1 << 14  # each event takes Python code and may be as short as ten bytes
_UPLOAD_STEP = 1 << 17  # bytes handed to the socket at once, so that no upload holds the loop


@dataclass(slots=True)
class TransportConfig:
    """What stays the same from call to call of one transport."""

    provider: str
    origin: Origin
    secret: Secret | None
    auth_header: str
    auth_prefix: str
    headers: dict[str, str] = field(repr=False)
    timeout: Timeout
    retry: Retry
    limits: Limits
    read_error: ReadError
    media_fields: tuple[str, ...]
    dialect: Dialect
    scope: Scope
    key: dict[str, HiddenText] = field(init=False)
    place: str = field(init=False)
    durations: aiohttp.ClientTimeout = field(init=False)
    mask: Callable[[str], str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare what every request needs."""
        self.place = self.origin.place
        self.durations = durations(self.timeout)
        self.mask = str if self.secret is None else self.secret.mask
        secret = self.secret
        self.key = {} if secret is None else {self.auth_header: secret.header(self.auth_prefix)}
        self.headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # packing costs 50 ms for a picture and saves little
            "User-Agent": USER_AGENT,
            **self.headers,
        }


@dataclass(slots=True)
class Attempt:
    """One request of one call on one session; every `send` is another attempt.

    Attributes:
        expect: What the body of a success is.
        ok: Statuses of a success.
        sink: Takes every event, line or piece of the response as it comes.
        is_doubtful: An earlier attempt may have been billed.
    """

    config: TransportConfig
    session: aiohttp.ClientSession
    slots: Slots
    context: CallContext
    method: str
    url: URL
    body: EncodedBody | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    paid: bool
    expect: Expect
    ok: Collection[int]
    sink: Sink | None = field(repr=False)
    is_doubtful: bool = False

    async def send(self) -> Response | FailedAttempt:
        """Send it once; whatever becomes of it, its connection is pooled again or closed."""
        config, context, body = self.config, self.context, self.body
        if config.scope.is_limited or self.slots.pace is not None:
            await self._wait_for_turn()
        context.report(Connecting())
        payload = None if body is None else RequestPayload(body, context, paid=self.paid)
        response: aiohttp.ClientResponse | None = None
        route = Route(config.origin)
        timeouts = config.durations
        if context.connect is not None or context.read is not None:
            timeouts = durations(config.timeout.within(context))
        outcome: Response | FailedAttempt
        try:
            self._book()
            route = await route_to(self.session, config.origin)
            response = await self.session.request(
                self.method,
                self.url,
                data=payload,
                allow_redirects=False,
                raise_for_status=False,
                **route.options({**config.headers, **self.headers, **config.key}, timeouts),
            )
            meter = BodyMeter(
                context,
                self.slots.stats,
                response.content_length,
                place=config.place,
                cap=config.limits.json,
                raw=not self.session.auto_decompress,
            )
            if response.status in self.ok:
                if config.dialect.requests_left:
                    self._heed_limit(response)
                outcome = await self._read(response, meter, route)
            else:
                outcome = await self._read_error(response, meter, route, payload)
        except MediaToolkitError as error:
            if not isinstance(error, BudgetError) and not (payload and payload.is_begun):
                self._not_billed(payload)
            outcome = FailedAttempt(error)
        except FOREIGN as error:
            outcome = self._lost(error, payload, route)
        finally:
            if response is not None:
                response.close()
        if isinstance(outcome, FailedAttempt):
            self.slots.stats.errors += 1
            self._sign(outcome.error, response)
        return outcome

    async def _wait_for_turn(self) -> None:
        """Wait until this may start.

        Only what is paid waits for a pause to end: polls and cancels of known jobs are few, and
        should come in time.

        Raises:
            RateLimitError: A pause does not end within the time of the call.
        """
        scope, slots = self.config.scope, self.slots
        while True:
            if self.paid and scope.is_limited:
                try:
                    await scope.turn(self.context)
                except RateLimitError as error:
                    error.may_have_been_billed = self._is_in_doubt()
                    raise
            if slots.pace is None:
                return
            await slots.wait_for_pace(self.context)
            if not (self.paid and scope.is_paused):
                return

    def _heed_limit(self, response: aiohttp.ClientResponse) -> None:
        """Pause all requests when the vendor says that it takes no more for now."""
        seconds = self.config.dialect.reset_of(response.headers) if self.paid else None
        if seconds is not None:
            self.config.scope.heed(seconds)

    def _book(self) -> None:
        """Book what may be billed, before it is sent.

        Raises:
            BudgetError: It must not be sent.
        """
        if self.paid and self.context.bill is not None:
            try:
                self.context.bill.reserve()
            except MediaToolkitError as error:
                error.may_have_been_billed = self._is_in_doubt()
                raise

    def _not_billed(self, payload: "RequestPayload | None") -> None:
        """Take the attempt off the bill: the provider did no work for it."""
        if payload is not None:
            payload.not_billed()
        if self.paid and self.context.bill is not None:
            self.context.bill.give_back()

    def _may_be_billed(self, payload: "RequestPayload | None", phase: AttemptPhase) -> None:
        """Keep booked what was sent and lost.

        A request that is hung up at once is hardly ever billed, so it is sent again; but a hard
        limit needs more than that, since no vendor promises it.
        """
        if phase is AttemptPhase.UNSURE:
            self.is_doubtful = True
        elif payload is not None:
            payload.not_billed()
        if self.context.bill is not None:
            self.context.bill.doubt()

    async def _read(
        self, response: aiohttp.ClientResponse, meter: BodyMeter, route: Route
    ) -> Response | FailedAttempt:
        """Read a success."""
        try:
            if response.status == 204:
                return self._response(response)
            readers = {
                "json": self._read_json,
                "bytes": self._read_bytes,
                "pieces": self._read_pieces,
            }
            read = readers.get(self._form_of(response), self._read_events)
            return await read(response, meter)
        except StreamEnded:
            await skip_rest(response)
            return self._response(response)
        except MediaToolkitError as error:
            if error.family == "protocol":
                explain_unread(error, response, self.config.provider, route)
            error.may_have_been_billed = self.paid and not isinstance(error, RefusalError)
            return FailedAttempt(error)

    async def _read_json(self, response: aiohttp.ClientResponse, meter: BodyMeter) -> Response:
        scanner = MediaScanner(self.config.media_fields)
        text = Utf8(scanner.feed)
        await read_body(response, text.feed, meter)
        if response.status == 202 and not meter.received:  # work goes on, and there is no word yet
            return self._response(response)
        text.feed(b"", final=True)
        document, media = await scanner.finish()
        if self.sink is not None:
            self._take(response, document, media)
        return self._response(response, document, media)

    async def _read_bytes(self, response: aiohttp.ClientResponse, meter: BodyMeter) -> Response:
        if is_html(response.headers):  # a page for people is never the media
            raise ProviderError("", family="protocol")
        pieces: list[bytes] = []
        await read_body(response, pieces.append, meter)
        return self._response(response, content=await joined(pieces))

    async def _read_pieces(self, response: aiohttp.ClientResponse, meter: BodyMeter) -> Response:
        """Hand on the bytes as they come; what is returned holds nothing more."""
        if is_html(response.headers):
            raise ProviderError("", family="protocol")
        sink = self.sink

        def take(piece: bytes) -> None:
            if sink is not None:
                sink(self._response(response, content=piece))

        await read_body(response, take, meter)
        return self._response(response)

    async def _read_events(self, response: aiohttp.ClientResponse, meter: BodyMeter) -> Response:
        """Hand on every event or line as it comes; what is returned holds nothing more."""
        splitter = LineSplitter() if self.expect == "lines" else EventSplitter()
        reader = EventReader(self.config.media_fields, partial(self._take, response), splitter)
        text = Utf8(reader.feed)
        await read_body(response, text.feed, meter, turn=_EVENTS_TURN)
        text.feed(b"", final=True)
        reader.end()
        return self._response(response)

    def _form_of(self, response: aiohttp.ClientResponse) -> Expect:
        """What the body is; instead of a stream, a vendor may send another one, or the whole."""
        if self.expect not in ("events", "pieces"):
            return self.expect
        kind = response.content_type
        return "pieces" if kind.startswith("audio/") else _FORMS.get(kind, self.expect)

    def _take(
        self,
        response: aiohttp.ClientResponse,
        document: Any,
        media: Mapping[str, bytes],
        event: str = "",
    ) -> None:
        """Hand on one document.

        Raises:
            ProviderError: It is the vendor's word of an error.
        """
        error = error_within(document, response.headers, self.config)
        if error is not None:
            raise error
        if self.sink is not None:
            self.sink(self._response(response, document, media, event=event))

    def _response(
        self,
        response: aiohttp.ClientResponse,
        document: Any = None,
        media: Mapping[str, bytes] = _NO_MEDIA,
        *,
        content: bytes = b"",
        event: str = "",
    ) -> Response:
        config = self.config
        return Response(
            document,
            response.status,
            response.headers,
            config.provider,
            config.dialect.request_id_of(response.headers, config.mask),
            content,
            event,
            media,
            config.mask,
        )

    async def _read_error(
        self,
        response: aiohttp.ClientResponse,
        meter: BodyMeter,
        route: Route,
        payload: "RequestPayload | None",
    ) -> FailedAttempt:
        """Read a response whose status is no success."""
        # A vendor that sent another 2xx took the request, so it may have done the work.
        is_odd_success = self.paid and 200 <= response.status < 300
        if not is_odd_success:
            self._not_billed(payload)
        failed = await failed_by(response, meter, self.config, route)
        failed.error.may_have_been_billed = is_odd_success or self._is_in_doubt()
        if self.paid and failed.again and _is_for_all(response.status, failed.pause):
            return replace(failed, scope=self.config.scope)
        return failed

    def _lost(
        self, error: BaseException, payload: "RequestPayload | None", route: Route
    ) -> FailedAttempt:
        """Judge a connection that failed: what to say, and whether it may be tried again."""
        config = self.config
        phase = AttemptPhase.UNSURE
        if payload is not None:
            phase = payload.phase(hung_up=was_hung_up(error))
        if phase is AttemptPhase.UNSENT:
            self._not_billed(payload)
        elif self.paid:
            self._may_be_billed(payload, phase)
        failure: MediaToolkitError
        if self.session.closed:
            failure, again = closed("The session"), False
        else:
            failure = translate(error, config.place, self.context, config.timeout, route)
            again = is_loss(error) and config.retry.after_loss(phase, paid=self.paid)
        failure.may_have_been_billed = self._is_in_doubt()
        return FailedAttempt(failure, again)

    def _is_in_doubt(self) -> bool:
        """Whether an earlier attempt, or another request of the same call, may have been billed."""
        return self.is_doubtful or self.context.may_have_been_billed

    def _sign(self, error: MediaToolkitError, response: aiohttp.ClientResponse | None) -> None:
        """Put provider, status and request id where they are missing."""
        error.provider = error.provider or self.config.provider
        if response is None:
            return
        for name, value in (
            ("status", response.status),
            ("request_id", self.config.dialect.request_id_of(response.headers, self.config.mask)),
        ):
            if getattr(error, name, value) is None:
                setattr(error, name, value)


def _is_for_all(status: int, pause: float | None) -> bool:
    """Whether a vendor that answers so does not want other requests with this key either."""
    return status == 429 or (status == 503 and pause is not None)


class RequestPayload(Payload):
    """A body on its way out, which knows how far it got.

    aiohttp does not tell whether a lost request had left, and whether anything had come back.
    Both decide if it may be sent again.

    Args:
        body: The whole body.
        context: Told when the request is out.
        paid: The provider bills for it.

    Attributes:
        is_begun: Something of it may have been sent.
    """

    _autoclose = True

    def __init__(self, body: EncodedBody, context: CallContext, *, paid: bool) -> None:
        """Nothing is sent yet."""
        super().__init__(body.content, content_type=body.content_type)
        self._size = len(body.content)
        self._context = context
        self._paid = paid
        self.is_begun = self._is_heard = False
        self._ended: float | None = None

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
        self.is_begun = True
        self._context.paid += self._paid
        loop = asyncio.get_running_loop()
        self._listen(loop, writer)
        body = self._value
        if len(body) <= _UPLOAD_STEP:
            await writer.write(body)
        else:
            view = memoryview(body)
            for at in range(0, len(view), _UPLOAD_STEP):
                await writer.write(view[at : at + _UPLOAD_STEP])
        self._ended = loop.time()
        self._context.report(Waiting(self._context.provider))

    def not_billed(self) -> None:
        """Take the request off the bill: the provider did no work for it."""
        if self.is_begun:
            self._context.paid -= self._paid

    def phase(self, *, hung_up: bool) -> AttemptPhase:
        """How far the attempt came, once it is lost.

        Args:
            hung_up: The other side closed the connection.
        """
        if not self.is_begun:
            return AttemptPhase.UNSENT
        if self._is_heard:
            return AttemptPhase.UNSURE
        if self._ended is None:  # no vendor can act on a part of a request
            return AttemptPhase.UNHEARD
        if not hung_up:
            return AttemptPhase.UNSURE
        is_late = asyncio.get_running_loop().time() - self._ended > UNHEARD_WITHIN
        return AttemptPhase.UNSURE if is_late else AttemptPhase.UNHEARD

    def _listen(self, loop: asyncio.AbstractEventLoop, writer: AbstractStreamWriter) -> None:
        """Notice the first byte of the response, when asyncio hands it to the protocol."""
        protocol = getattr(writer, "protocol", None)
        if protocol is None or not isinstance(loop, asyncio.BaseEventLoop):
            # Other loops hand it over where we cannot see it: assume the worst.
            self._is_heard = True
            return

        def first(data: bytes) -> None:
            self._is_heard = True
            del protocol.data_received
            protocol.data_received(data)

        # It shadows the method once, since aiohttp has no hook between the request and its head.
        protocol.data_received = first
