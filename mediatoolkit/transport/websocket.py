"""The messages of a WebSocket, one after the other; nothing is ever sent on it.

What a server tells so is news about work that goes on elsewhere. So a socket that breaks harms
nothing but the news, it is never opened again here, and a silence on it is no error: the deadline
of the call is what ends it.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from mediatoolkit.errors import MediaToolkitError, ProviderError, TooLargeError, TransportError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.in_flight import InFlight, Tracked, closed
from mediatoolkit.transport.exceptions import FOREIGN, translate
from mediatoolkit.transport.response import ErrorResponse
from mediatoolkit.transport.route import Route, durations, route_to

if TYPE_CHECKING:
    from mediatoolkit.transport.attempt import TransportConfig
    from mediatoolkit.transport.session import OriginStats

MOST_MESSAGES = 1_000_000
"""Messages of one socket; each of them is at most `Limits.image`, all of them `Limits.video`."""

_CLOSE_WITHIN = 0.5  # seconds; the other side may be busy with the work itself
_ORDERLY = (aiohttp.WSCloseCode.OK, aiohttp.WSCloseCode.GOING_AWAY)


@dataclass(frozen=True, slots=True)
class MessageSource:
    """Where messages come from.

    Attributes:
        config: Configuration of the transport.
        session: What connects.
        stats: Row of the origin in the registry's table.
        in_flight: The calls that a close of the transport ends.
        url: Address, with `http` or `https`.
    """

    config: "TransportConfig"
    session: aiohttp.ClientSession
    stats: "OriginStats"
    in_flight: InFlight
    url: URL

    async def messages(self, context: CallContext) -> AsyncGenerator[str | bytes]:
        """Connect, and yield every message as it comes, until the server closes the socket.

        The key goes along. Closing the generator closes the socket, within half a second.

        Args:
            context: The public call this is part of, already open. It hears nothing of it.

        Raises:
            ProviderError: The server did not open a socket.
            TransportError: It cannot be reached, or the connection broke.
            TooLargeError: A message, or all of them, passed the cap.
            ClosedError: The transport was closed meanwhile.
        """
        context.provider = self.config.provider
        with Tracked(self.in_flight, context):
            socket = await self._connected(context)
        self.stats.calls += 1
        self.stats.in_flight += 1
        left = self.config.limits.video
        try:
            for _ in range(MOST_MESSAGES):
                with Tracked(self.in_flight, context):
                    message = await socket.receive()
                    data = self._data_of(message)
                if data is None:
                    return
                self.stats.received += len(data)
                left -= len(data)
                if left < 0:
                    break
                yield data
            raise TooLargeError(
                f"{self.config.place} sent more on a WebSocket than is read of one.",
                provider=self.config.provider,
            )
        finally:
            self.stats.in_flight -= 1
            await socket.close()

    async def _connected(self, context: CallContext) -> aiohttp.ClientWebSocketResponse:
        config, route = self.config, Route(self.config.origin)
        failure: MediaToolkitError
        try:
            route = await route_to(self.session, config.origin)
            waits = durations(config.timeout.within(context))
            options = route.options({**config.headers, **config.key}, waits)
            once = _WithoutRedirects(self.session, options.pop("timeout"))
            socket: aiohttp.ClientWebSocketResponse = await once.connect(
                self.url,
                max_msg_size=config.limits.image,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_WITHIN),
                **options,
            )
        except aiohttp.WSServerHandshakeError as error:
            failure = self._refused(error)
        except FOREIGN as error:
            if self.session.closed:
                failure = closed("The session")
            else:
                failure = translate(error, config.place, context, config.timeout, route)
        else:
            return socket
        # Raised here, since aiohttp's error and its frames show the request's headers.
        failure.provider = failure.provider or config.provider
        raise failure

    def _refused(self, error: aiohttp.WSServerHandshakeError) -> ProviderError:
        config = self.config
        headers: Mapping[str, str] = error.headers or {}
        request_id = config.dialect.request_id_of(headers, config.mask)
        if error.status < 300:
            return ProviderError(
                f"{config.place} answered with status {error.status} and opened no WebSocket; "
                "check the address.",
                status=error.status,
                request_id=request_id,
                family="protocol",
            )
        return config.read_error(
            ErrorResponse(
                status=error.status,
                headers=headers,
                text="",
                document=None,
                request_id=request_id,
                provider=config.provider,
                retry_after=config.dialect.pause_of(headers),
                _mask=config.mask,
            )
        )

    def _data_of(self, message: aiohttp.WSMessage) -> str | bytes | None:
        """What *message* holds, or None where it is an orderly close.

        Raises:
            TransportError: It is neither.
            TooLargeError: It passed the cap.
        """
        kind, data = message.type, message.data
        if kind in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return data if isinstance(data, str) else bytes(data)
        if kind is aiohttp.WSMsgType.CLOSE and data in _ORDERLY:
            return None
        place, provider = self.config.place, self.config.provider
        if self.session.closed:
            raise closed("The session")
        if getattr(data, "code", None) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            raise TooLargeError(
                f"{place} sent a message of more than {self.config.limits.image:,} bytes on a "
                "WebSocket; allow it with Limits(image=...).",
                provider=provider,
            )
        if kind is aiohttp.WSMsgType.ERROR:
            raise TransportError(
                f"{place} sent something on a WebSocket that is no message.", provider=provider
            )
        code = f" (code {data})" if kind is aiohttp.WSMsgType.CLOSE else ""
        raise TransportError(f"{place} broke off the WebSocket{code}.", provider=provider)


class _WithoutRedirects:
    """A session as `ws_connect` sees it, whose requests follow no redirect and end in time.

    aiohttp would send the key to wherever a redirect leads, and has no limit for the connection.
    """

    connect: Any = aiohttp.ClientSession._ws_connect  # noqa: SLF001 - `ws_connect` has no such options

    def __init__(self, session: aiohttp.ClientSession, durations: aiohttp.ClientTimeout) -> None:
        self._session = session
        self._durations = durations

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def request(self, method: str, url: URL, **options: Any) -> Any:
        return self._session.request(
            method, url, allow_redirects=False, timeout=self._durations, **options
        )
