"""One provider's calls over HTTP under a policy: slots, deadline, retries, honest errors."""

import asyncio
import functools
import os
import re
from collections.abc import (
    AsyncGenerator,
    Callable,
    Collection,
    Coroutine,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, Unpack
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from mediatoolkit.checks import positive_seconds
from mediatoolkit.errors import PromptError, TransportError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.in_flight import Closing, InFlight, Tracked, closed, over_sessions
from mediatoolkit.transport.attempt import STREAMED, Attempt, Expect, Sink, TransportConfig
from mediatoolkit.transport.downloads import Check, TrustPolicy, download, fetch
from mediatoolkit.transport.encode import Body, Json
from mediatoolkit.transport.guard import Origin, checked_base
from mediatoolkit.transport.policy import Dialect, Limits, Retry
from mediatoolkit.transport.response import ReadError, Response, error_by_status
from mediatoolkit.transport.retry import Slots, with_retries
from mediatoolkit.transport.scope import PauseHook, scopes
from mediatoolkit.transport.secret import Secret
from mediatoolkit.transport.session import sessions
from mediatoolkit.transport.websocket import MessageSource

_PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+/?", re.ASCII)
T = TypeVar("T")

_NOTHING: Mapping[str, str] = {}

_OK = frozenset({200})

Method = Literal["GET", "POST", "PUT", "DELETE"]
Query = Mapping[str, str] | Sequence[tuple[str, str]]


class RequestOptions(TypedDict, total=False):
    """What `Transport.request` takes by name, but for the body."""

    headers: Mapping[str, str] | None
    query: Query
    paid: bool | None
    expect: Expect
    ok: Collection[int]
    sink: Sink | None


class Transport(Closing):
    """Sends one provider's calls.

    Args:
        base_url: `http(s)://host[:port][/prefix]`; may be private. The key goes nowhere else.
        provider: Vendor's name for messages.
        secret: Key, or None.
        auth_header: Header field that carries the key.
        auth_prefix: Text before the key, such as `"Bearer "`.
        headers: Further header fields for every request.
        session: Ready `aiohttp.ClientSession` to use and never close; left out, the one that
            the registry keeps for the running loop.
        timeout: Durations; `total` is only the default that a caller opens its `CallContext` with.
        retry: When a failed attempt is sent again.
        limits: How much at a time.
        read_error: Reads an error response's body.
        dialect: What the vendor's headers and statuses mean.
        media_fields: Names of the JSON fields that hold base64.
        trusted_origins: Further origins that may be private and are downloaded from, without key.

    Attributes:
        base_url: Checked, without a slash at the end.
        provider: Vendor's name.
        timeout: Durations of every call.
        retry: When a failed attempt is sent again.
        limits: How much at a time.

    Raises:
        UnsafeURLError: *base_url* or a trusted origin is not such an address.
    """

    # A failed constructor shows its locals, this object among them, before both are set.
    base_url = provider = "?"

    def __init__(
        self,
        base_url: str,
        *,
        provider: str,
        secret: Secret | None = None,
        auth_header: str = "authorization",
        auth_prefix: str = "",
        headers: Mapping[str, str] | None = None,
        session: aiohttp.ClientSession | None = None,
        timeout: Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        read_error: ReadError = error_by_status,
        dialect: Dialect | None = None,
        media_fields: tuple[str, ...] = ("data",),
        trusted_origins: tuple[str, ...] = (),
    ) -> None:
        """Check the address; opens nothing."""
        self.base_url = checked_base(base_url)
        self.provider = provider
        self.timeout = _checked(timeout, Timeout, "timeout")
        self.retry = _checked(retry, Retry, "retry")
        self.limits = _checked(limits, Limits, "limits")
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            raise PromptError("session takes an aiohttp.ClientSession; leave it out for our own.")
        self._user_session = session
        self._config = TransportConfig(
            provider=provider,
            origin=Origin.of(self.base_url),
            secret=secret,
            auth_header=auth_header,
            auth_prefix=auth_prefix,
            headers=dict(headers or _NOTHING),
            timeout=self.timeout,
            retry=self.retry,
            limits=self.limits,
            read_error=read_error,
            media_fields=media_fields,
            dialect=dialect or Dialect(),
            scope=scopes.of(Origin.of(self.base_url), secret),
        )
        if not isinstance(trusted_origins, (list, tuple, set, frozenset)):
            raise PromptError('trusted_origins takes several, as ("http://127.0.0.1:8000",).')
        self._policy = TrustPolicy(
            session=self._session,
            trusted=frozenset({self._config.origin, *map(Origin.of, trusted_origins)}),
            key_origin=self._config.origin,
            key=self._config.key,
        )
        self._in_flight = InFlight(f"The {provider} client", among=over_sessions)
        self._slots: WeakKeyDictionary[aiohttp.ClientSession, Slots] = WeakKeyDictionary()

    def __repr__(self) -> str:
        """Where it sends."""
        return f"Transport({self.base_url!r}, provider={self.provider!r})"

    def post(
        self,
        path: str,
        body: Body | Mapping[str, Any],
        context: CallContext,
        **options: Unpack[RequestOptions],
    ) -> Coroutine[Any, Any, Response]:
        """Send *body* to *path*. See `request`."""
        return self.request("POST", path, context, body=body, **options)

    def get(
        self, path: str, context: CallContext, **options: Unpack[RequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Read *path*. See `request`."""
        return self.request("GET", path, context, **options)

    def put(
        self,
        path: str,
        body: Body | Mapping[str, Any] | None,
        context: CallContext,
        **options: Unpack[RequestOptions],
    ) -> Coroutine[Any, Any, Response]:
        """Put *body* at *path*. See `request`."""
        return self.request("PUT", path, context, body=body, **options)

    def delete(
        self, path: str, context: CallContext, **options: Unpack[RequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Delete what is at *path*. See `request`."""
        return self.request("DELETE", path, context, **options)

    async def request(
        self,
        method: Method,
        path: str,
        context: CallContext,
        *,
        body: Body | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        query: Query = (),
        paid: bool | None = None,
        expect: Expect = "json",
        ok: Collection[int] = _OK,
        sink: Sink | None = None,
    ) -> Response:
        """Send one request below the base URL, as often as it takes, and read the response.

        Args:
            method: HTTP method.
            path: Such as `"/v1beta/models/x:generateContent"`, already percent-encoded.
            context: The public call this is part of, already open.
            body: `Json`, `Multipart`, or a mapping, which is sent as JSON.
            headers: Further header fields.
            query: Names and values; a name may come more than once.
            paid: The provider bills for it, so it is not sent again where it may have arrived; left
                out, that holds for a POST.
            expect: `"json"`: the response has a `document`. `"bytes"`: it has `content`, at most
                `Limits.json`. `"events"`: *sink* gets every server-sent event as a response with
                `document` and `event` as it comes, and what is returned has neither; where the
                provider sends JSON instead, that is the only event. `"lines"`:
                the same for a body of JSON in which every line is a document. `"pieces"`: *sink*
                gets the bytes as `content`, piece by piece as they come. A vendor that sends
                events instead of pieces, pieces of sound instead of events, or one JSON document
                instead of either, is read by its content type.
            ok: Statuses of a success. Every other status is an error.
            sink: Takes the events, lines or pieces; raises `StreamEnded` with the last one.

        Raises:
            ProviderError: The provider refused; `read_error` decides which kind it is.
            TransportError: No usable response came back.
            MediaError: A media field holds bad base64.
            ClosedError: The transport is closed.
        """
        if (expect in STREAMED) is (sink is None):
            raise TypeError("A streamed response and sink= belong together.")
        with Tracked(self._in_flight, context):
            url = _address(self.base_url, path, urlencode(query))
            if paid is None:
                paid = method == "POST"
            if isinstance(body, Mapping):
                body = Json(body)
            encoded = None if body is None else await body.encoded()
            fields = headers or _NOTHING
            if expect in ("bytes", "pieces"):
                fields = {"Accept": "*/*", **fields}
            session = self._session()
            slots = self._slots.get(session) or self._new_slots(session)
            attempt = Attempt(
                self._config,
                session,
                slots,
                context,
                method,
                url,
                encoded,
                fields,
                paid,
                expect,
                ok,
                sink,
            )
            context.provider = self.provider
            await slots.enter(context)
            try:
                return await with_retries(attempt.send, context, self.retry, slots.bucket)
            finally:
                slots.leave()

    def messages(
        self, path: str, context: CallContext, *, query: Query = ()
    ) -> AsyncGenerator[str | bytes]:
        """Open a WebSocket at *path* and yield every message as it comes.

        It takes no slot, as it lasts as long as the work that it tells of. See `MessageSource`.

        Args:
            path: Below the base URL, already percent-encoded.
            context: The public call this is part of, already open.
            query: Names and values.
        """
        session = self._session()
        stats = sessions.stats(session).of(str(self._config.origin))
        url = _address(self.base_url, path, urlencode(query))
        return MessageSource(self._config, session, stats, self._in_flight, url).messages(context)

    async def download(
        self,
        url: str,
        path: str | os.PathLike[str],
        context: CallContext,
        *,
        digest: str | None = None,
        check: Check | None = None,
    ) -> Path:
        """Stream the file at *url* to *path*, whole or not at all.

        Args:
            url: Address the provider gave; must be public unless its origin is the base URL's
                or trusted. The key goes along only to the base URL's own origin.
            path: File to make or replace; its folder exists.
            context: The public call this is part of, already open.
            digest: SHA-256 in hex that the file must have.
            check: Called in a thread with the path of the whole file before it is put in place;
                what it raises leaves nothing.

        Raises:
            UnsafeURLError: *url*, or what it redirects to, is not fetched.
            StorageError: The file could not be written; nothing is left behind.
            TransportError: The file did not arrive whole.
            TooLargeError: It is larger than `Limits.video`.
        """
        with Tracked(self._in_flight, context):
            context.provider = self.provider
            return await download(
                url,
                path,
                context,
                policy=self._policy,
                timeout=self.timeout,
                retry=self.retry,
                cap=self.limits.video,
                digest=digest,
                check=check,
            )

    async def fetch(self, url: str, context: CallContext) -> bytes:
        """Read the picture at *url* into memory, at most `Limits.image`; else as `download`."""
        with Tracked(self._in_flight, context):
            context.provider = self.provider
            return await fetch(
                url,
                context,
                policy=self._policy,
                timeout=self.timeout,
                retry=self.retry,
                cap=self.limits.image,
            )

    async def ready(self) -> None:
        """Wait while the provider has asked for a pause, and until a request's turn after it.

        A request that follows does not wait for the same again, so no time of its call is lost.

        Raises:
            ClosedError: The transport was closed meanwhile.
        """
        scope = self._config.scope
        if scope.is_limited:
            context = CallContext(self.timeout.total)
            context.provider = self.provider
            with Tracked(self._in_flight, context):
                await scope.ready()

    def pause(self, seconds: float) -> None:
        """Start no paid request for *seconds*, at most an hour, since another process was told so.

        That holds for all transports of this process with the same key and origin. Pauses do not
        add up.

        Raises:
            PromptError: *seconds* is not a positive number.
        """
        self._config.scope.pause(positive_seconds(seconds, "pause"))

    def on_pause(self, hook: PauseHook) -> Callable[[], None]:
        """Call *hook* with seconds whenever the provider asks this process for a pause.

        It is called by the loop of the call that was told so, in whatever thread that runs, and
        must be quick. A pause that came by `pause` is not told, nor one that ends before another.

        Returns:
            A function that ends it.
        """
        return self._config.scope.on_pause(hook)

    async def close(self) -> None:
        """Fail what is in flight with `ClosedError` and refuse later use; waits at most 4 s.

        The session stays open: it is the registry's or yours.
        """
        await self._in_flight.end()

    def _new_slots(self, session: aiohttp.ClientSession) -> Slots:
        slots = Slots(self.limits, sessions.stats(session), str(self._config.origin))
        self._slots[session] = slots
        return slots

    def _session(self) -> aiohttp.ClientSession:
        session = self._user_session
        if session is None:
            return sessions.session()
        if session.closed:
            raise closed("The session passed as session=")
        # aiohttp has no public name for the loop of a session.
        if getattr(session, "_loop", None) is not asyncio.get_running_loop():
            raise TransportError(
                "The session passed as session= belongs to another event loop; make it in the "
                "loop that uses it, or leave session= out.",
                provider=self.provider,
            )
        return session


def _checked(value: T | None, kind: type[T], name: str) -> T:
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise PromptError(f"{name} takes mt.{kind.__name__}(…), not {type(value).__name__}.")
    return value


@functools.lru_cache(maxsize=256)
def _address(base: str, path: str, query: str = "") -> URL:
    if not _PATH.fullmatch(path):
        raise PromptError(
            f"{path[:100]!r} cannot be part of an address; check the model's name or the id."
        )
    return URL(f"{base}{path}?{query}" if query else base + path, encoded=True)
