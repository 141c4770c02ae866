"""One request and its answer, and what becomes of a try that fails."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from yarl import URL

from mediatoolkit.errors import MediaToolkitError, ProviderError, RefusalError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Connecting
from mediatoolkit.runtime.in_flight import closed
from mediatoolkit.transport.answer import ReadError, Response
from mediatoolkit.transport.body import Meter, inflater_of, read_body
from mediatoolkit.transport.decode import MediaScanner, Utf8, joined
from mediatoolkit.transport.dial import USER_AGENT, Route, durations, route
from mediatoolkit.transport.encode import EncodedBody
from mediatoolkit.transport.events import EventReader
from mediatoolkit.transport.failures import FOREIGN, is_loss, translate, was_hung_up
from mediatoolkit.transport.guard import Origin
from mediatoolkit.transport.policy import Dialect, Limits, Retry, Stage
from mediatoolkit.transport.refused import error_within, explain_unread, failed_by, is_html
from mediatoolkit.transport.secret import Secret
from mediatoolkit.transport.slots import Desk
from mediatoolkit.transport.tries import Failed
from mediatoolkit.transport.wire import Sent

Expect = Literal["json", "bytes", "events"]
Sink = Callable[[Response], None]

_NO_MEDIA: Mapping[str, bytes] = {}
_EVENTS_TURN = 1 << 14  # bytes; each event takes Python code and may be as short as ten bytes


@dataclass(slots=True)
class Request:
    """What to send.

    Attributes:
        expect: What the body of a success is.
        ok: Statuses of a success.
        sink: Takes every server-sent event as it comes.
        doubtful: A try may have been billed.
    """

    method: str
    url: URL
    body: EncodedBody | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    paid: bool
    expect: Expect
    ok: Collection[int]
    sink: Sink | None = field(repr=False)
    doubtful: bool = False


@dataclass(slots=True)
class Line:
    """What stays the same from call to call of one transport."""

    provider: str
    origin: Origin
    secret: Secret | None
    auth: tuple[str, str]
    headers: dict[str, str] = field(repr=False)
    timeout: Timeout
    retry: Retry
    limits: Limits
    read_error: ReadError
    media_fields: tuple[str, ...]
    dialect: Dialect
    place: str = field(init=False)
    _usual: aiohttp.ClientTimeout = field(init=False)

    def __post_init__(self) -> None:
        """Prepare what every request needs."""
        self.place = self.origin.place
        self._usual = durations(self.timeout)
        self.headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # packing costs 50 ms for a picture and saves little
            "User-Agent": USER_AGENT,
            **self.headers,
        }

    def durations(self, context: CallContext) -> aiohttp.ClientTimeout:
        """What aiohttp watches; the deadline is the call's own."""
        timeout = self.timeout.within(context)
        return self._usual if timeout is self.timeout else durations(timeout)

    def mask(self, text: str) -> str:
        """*text* without the key."""
        return text if self.secret is None else self.secret.mask(text)

    def request_id_of(self, headers: Mapping[str, str]) -> str | None:
        """The vendor's name for a call."""
        name = self.dialect.request_id_of(headers)
        return None if name is None else self.mask(name)

    def key(self) -> dict[str, str]:
        """Header field with the key; made at send time only."""
        if self.secret is None:
            return {}
        name, prefix = self.auth
        return {name: self.secret.header(prefix)}


@dataclass(slots=True)
class Exchange:
    """One call's request on one session, as often as `once` is asked for."""

    line: Line
    session: aiohttp.ClientSession
    desk: Desk
    request: Request
    context: CallContext

    async def once(self) -> Response | Failed:
        """One try; whatever becomes of it, its connection is pooled again or closed."""
        line, request, context = self.line, self.request, self.context
        if self.desk.pace is not None:
            await self.desk.turn(context)
        context.report(Connecting())
        sent = None if request.body is None else Sent(*request.body, context, paid=request.paid)
        response: aiohttp.ClientResponse | None = None
        way = Route(line.origin)
        try:
            way = await route(self.session, line.origin)
            response = await self.session.request(
                request.method,
                request.url,
                data=sent,
                allow_redirects=False,
                raise_for_status=False,
                **way.options(
                    {**line.headers, **request.headers, **line.key()}, line.durations(context)
                ),
            )
            outcome = await self._receive(response, sent, way)
        except MediaToolkitError as error:
            outcome = Failed(error)
        except FOREIGN as error:
            outcome = self._lost(error, sent, way)
        finally:
            if response is not None:
                response.close()
        if isinstance(outcome, Failed):
            self.desk.tally.errors += 1
            _sign(outcome.error, line, response)
        return outcome

    async def _receive(
        self, response: aiohttp.ClientResponse, sent: Sent | None, way: Route
    ) -> Response | Failed:
        meter = Meter(self.context, self.desk.tally, response.content_length)
        request, line = self.request, self.line
        if response.status in request.ok:
            return await self._accept(response, meter, way)
        odd_success = request.paid and 200 <= response.status < 300
        if sent is not None and not odd_success:
            sent.not_billed()
        failed = await failed_by(
            response,
            meter,
            raw=not self.session.auto_decompress,
            line=line,
            way=way,
        )
        failed.error.may_have_been_billed = odd_success or self._in_doubt()
        return failed

    async def _accept(
        self, response: aiohttp.ClientResponse, meter: Meter, way: Route
    ) -> Response | Failed:
        try:
            if response.status == 204:
                return self._answer(response, None)
            if self.request.sink is not None:
                return await self._events(response, meter, self.request.sink)
            if self.request.expect == "bytes":
                return await self._bytes(response, meter)
            return await self._json(response, meter)
        except MediaToolkitError as error:
            if error.family == "protocol":
                explain_unread(error, response, self.line.provider, way)
            error.may_have_been_billed = self.request.paid and not isinstance(error, RefusalError)
            return Failed(error)

    async def _json(self, response: aiohttp.ClientResponse, meter: Meter) -> Response:
        scanner = MediaScanner(self.line.media_fields)
        text = Utf8(scanner.feed)
        await self._read(response, text.feed, meter)
        text.end()
        document, media = await scanner.finish()
        return self._answer(response, document, media)

    async def _bytes(self, response: aiohttp.ClientResponse, meter: Meter) -> Response:
        """Read the body as it is; a page for people is none that was asked for."""
        if is_html(response.headers):
            raise ProviderError("", family="protocol")
        pieces: list[bytes] = []
        await self._read(response, pieces.append, meter)
        return self._answer(response, None, content=await joined(pieces))

    async def _events(self, response: aiohttp.ClientResponse, meter: Meter, sink: Sink) -> Response:
        """Hand on every event as it comes; what is returned holds nothing more."""

        def take(document: Any, media: dict[str, bytes], event: str) -> None:
            error = error_within(document, response.headers, self.line)
            if error is not None:
                raise error
            sink(self._answer(response, document, media, event=event))

        reader = EventReader(self.line.media_fields, take)
        text = Utf8(reader.feed)
        await self._read(response, text.feed, meter, turn=_EVENTS_TURN)
        text.end()
        reader.end()
        return self._answer(response, None)

    async def _read(
        self,
        response: aiohttp.ClientResponse,
        take: Callable[[bytes], None],
        meter: Meter,
        *,
        turn: int = 1 << 20,
    ) -> None:
        place, raw = self.line.place, not self.session.auto_decompress
        await read_body(
            response,
            take,
            meter=meter,
            cap=self.line.limits.json,
            inflater=inflater_of(response, place, raw=raw),
            place=place,
            turn=turn,
        )

    def _answer(
        self,
        response: aiohttp.ClientResponse,
        document: Any,
        media: Mapping[str, bytes] = _NO_MEDIA,
        *,
        content: bytes = b"",
        event: str = "",
    ) -> Response:
        line = self.line
        return Response(
            document,
            response.status,
            response.headers,
            line.provider,
            line.request_id_of(response.headers),
            content,
            event,
            media,
            line.mask,
        )

    def _lost(self, error: BaseException, sent: Sent | None, way: Route) -> Failed:
        """Judge a connection that failed: what to say, and whether it may be tried again."""
        line, request, context = self.line, self.request, self.context
        stage = Stage.UNSURE if sent is None else sent.stage(hung_up=was_hung_up(error))
        request.doubtful |= request.paid and stage is Stage.UNSURE
        if sent is not None and stage is not Stage.UNSURE:
            sent.not_billed()
        failure: MediaToolkitError
        if self.session.closed:
            failure, again = closed("The session"), False
        else:
            failure = translate(error, line.place, context, line.timeout, way)
            again = is_loss(error) and line.retry.after_loss(stage, paid=request.paid)
        failure.may_have_been_billed = self._in_doubt()
        return Failed(failure, again)

    def _in_doubt(self) -> bool:
        """Whether an earlier try, or another request of the same call, may have been billed."""
        return self.request.doubtful or self.context.may_have_been_billed


def _sign(error: MediaToolkitError, line: Line, response: aiohttp.ClientResponse | None) -> None:
    """Put provider, status and request id where they are missing."""
    error.provider = error.provider or line.provider
    if response is None:
        return
    for name, value in (
        ("status", response.status),
        ("request_id", line.request_id_of(response.headers)),
    ):
        if getattr(error, name, value) is None:
            setattr(error, name, value)
