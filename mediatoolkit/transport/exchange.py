"""One request and its answer, and what becomes of a try that fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from mediatoolkit.errors import MediaToolkitError, RefusalError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Connecting
from mediatoolkit.runtime.in_flight import closed
from mediatoolkit.transport.answer import ReadError, Response, request_id_of
from mediatoolkit.transport.body import Meter, inflater_of, read_body
from mediatoolkit.transport.decode import MediaScanner, Utf8
from mediatoolkit.transport.dial import USER_AGENT, Route, durations, route
from mediatoolkit.transport.events import EventReader
from mediatoolkit.transport.failures import FOREIGN, is_loss, translate, was_hung_up
from mediatoolkit.transport.guard import Origin
from mediatoolkit.transport.policy import Limits, Retry, Stage
from mediatoolkit.transport.refused import error_within, explain_unread, failed_by
from mediatoolkit.transport.secret import Secret
from mediatoolkit.transport.slots import Desk
from mediatoolkit.transport.tries import Failed
from mediatoolkit.transport.wire import Sent

_EVENTS_TURN = 1 << 14  # bytes; each event takes Python code and may be as short as ten bytes


@dataclass(slots=True)
class Request:
    """What to send.

    Attributes:
        sink: Takes every server-sent event of the answer as it comes; None waits for all of it.
        doubtful: A try may have been billed.
    """

    method: str
    url: URL
    body: bytes | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    paid: bool
    sink: Callable[[Response], None] | None = field(default=None, repr=False)
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
    refusal: ReadError
    media_fields: tuple[str, ...]
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
        sent = None if request.body is None else Sent(request.body, context, paid=request.paid)
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
            _sign(outcome.error, line.provider, response)
        return outcome

    async def _receive(
        self, response: aiohttp.ClientResponse, sent: Sent | None, way: Route
    ) -> Response | Failed:
        meter = Meter(self.context, self.desk.tally, response.content_length)
        if response.status == 200:
            return await self._accept(response, meter, way)
        request, line = self.request, self.line
        odd_success = request.paid and 200 < response.status < 300
        if sent is not None and not odd_success:
            sent.not_billed()
        failed = await failed_by(
            response,
            meter,
            raw=not self.session.auto_decompress,
            provider=line.provider,
            way=way,
            secret=line.secret,
            read=line.refusal,
            cap=line.limits.error,
        )
        failed.error.may_have_been_billed = odd_success or self._in_doubt()
        return failed

    async def _accept(
        self, response: aiohttp.ClientResponse, meter: Meter, way: Route
    ) -> Response | Failed:
        try:
            if self.request.sink is None:
                answer = await self._whole(response, meter)
            else:
                answer = await self._events(response, meter, self.request.sink)
        except MediaToolkitError as error:
            if error.family == "protocol":
                explain_unread(error, response.headers, self.line.provider, way)
            error.may_have_been_billed = self.request.paid and not isinstance(error, RefusalError)
            return Failed(error)
        return answer

    async def _whole(self, response: aiohttp.ClientResponse, meter: Meter) -> Response:
        scanner = MediaScanner(self.line.media_fields)
        await self._read(response, scanner.feed, meter)
        return self._answer(response, *await scanner.finish())

    async def _events(
        self, response: aiohttp.ClientResponse, meter: Meter, sink: Callable[[Response], None]
    ) -> Response:
        """Hand on every event as it comes; what is returned holds nothing more."""
        line = self.line

        def take(document: Any, media: dict[str, bytes]) -> None:
            error = error_within(
                document, response.headers, line.provider, line.secret, line.refusal
            )
            if error is not None:
                raise error
            sink(self._answer(response, document, media))

        reader = EventReader(line.media_fields, take)
        await self._read(response, reader.feed, meter, turn=_EVENTS_TURN)
        reader.end()
        return self._answer(response, None, {})

    async def _read(
        self,
        response: aiohttp.ClientResponse,
        take: Callable[[bytes], None],
        meter: Meter,
        *,
        turn: int = 1 << 20,
    ) -> None:
        place, raw = self.line.place, not self.session.auto_decompress
        text = Utf8(take)
        await read_body(
            response,
            text.feed,
            meter=meter,
            cap=self.line.limits.json,
            inflater=inflater_of(response, place, raw=raw),
            place=place,
            turn=turn,
        )
        text.end()

    def _answer(
        self, response: aiohttp.ClientResponse, document: Any, media: dict[str, bytes]
    ) -> Response:
        line = self.line
        return Response(document, 200, response.headers, line.provider, media, line.secret)

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


def _sign(error: MediaToolkitError, provider: str, response: aiohttp.ClientResponse | None) -> None:
    """Put provider, status and request id where they are missing."""
    error.provider = error.provider or provider
    if response is None:
        return
    for name, value in (
        ("status", response.status),
        ("request_id", request_id_of(response.headers)),
    ):
        if getattr(error, name, value) is None:
            setattr(error, name, value)
