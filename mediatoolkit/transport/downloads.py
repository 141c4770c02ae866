"""Files at addresses outside the API: which are fetched, with which key, whole or not at all."""

import asyncio
import contextlib
import functools
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import aiohttp
from yarl import URL

from mediatoolkit.errors import MediaToolkitError, ProviderError, TransportError, UnsafeURLError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Connecting
from mediatoolkit.runtime.files import flush_to_disk, partial_file, sweep_beside, target_of
from mediatoolkit.runtime.in_flight import closed
from mediatoolkit.transport import takeover
from mediatoolkit.transport.body import BodyMeter, Inflater, inflater_of, read_body, too_large
from mediatoolkit.transport.exceptions import (
    FOREIGN,
    is_loss,
    proxy_wants_login,
    translate,
    was_on_the_way,
)
from mediatoolkit.transport.guard import (
    MOST_REDIRECTS,
    Origin,
    check_name,
    check_stranger,
    redirect_target,
)
from mediatoolkit.transport.policy import RETRYABLE, Bucket, Limits, Retry, retry_after
from mediatoolkit.transport.response import family_of
from mediatoolkit.transport.retry import FailedAttempt, with_retries
from mediatoolkit.transport.route import USER_AGENT, Route, durations, is_ours, route_to
from mediatoolkit.transport.session import sessions
from mediatoolkit.transport.spool import Spool

Check = Callable[[Path], object]

_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)", re.ASCII)
_STRONG = re.compile(r'"[!#-~]*"', re.ASCII)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Which addresses are fetched, with whose key, over whose connections.

    Attributes:
        session: Gives the session for origins that are trusted.
        trusted: Origins that may be private.
        key_origin: The only origin that the key goes to, or None.
        key: Header fields that carry the key.
    """

    session: Callable[[], aiohttp.ClientSession] = sessions.session
    trusted: frozenset[Origin] = frozenset()
    key_origin: Origin | None = None
    key: Mapping[str, str] = field(default_factory=dict, repr=False)


class OpenResponse(NamedTuple):
    """A response that is not a redirect, its body unread, with its route and its session."""

    response: aiohttp.ClientResponse
    route: Route
    session: aiohttp.ClientSession

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        return self.route.origin


async def open_url(
    url: str,
    policy: TrustPolicy,
    context: CallContext,
    timeout: Timeout,
    headers: Mapping[str, str],
) -> OpenResponse | FailedAttempt:
    """Ask for *url* and follow at most five redirects, each checked like the first.

    Returns:
        The response, or the failure where the host did not respond.

    Raises:
        UnsafeURLError: An address on the way is not fetched.
    """
    for _ in range(MOST_REDIRECTS + 1):
        opened = await _open_hop(url, policy, context, timeout, headers)
        if isinstance(opened, FailedAttempt) or opened.response.status not in _REDIRECTS:
            return opened
        location = opened.response.headers.get("Location", "")
        opened.response.close()
        url = redirect_target(url, location)
    raise UnsafeURLError(
        f"The download was redirected more than {MOST_REDIRECTS} times; ask for a new address."
    )


async def _open_hop(
    url: str,
    policy: TrustPolicy,
    context: CallContext,
    timeout: Timeout,
    headers: Mapping[str, str],
) -> OpenResponse | FailedAttempt:
    origin = Origin.of(url)
    session = policy.session()
    route = await route_to(session, origin)
    if origin not in policy.trusted:
        check_stranger(url)
        session, route = await _route_to_stranger(session, route)
    address = URL(url.partition("#")[0], encoded=True)
    if (address.raw_host or "").lower() != origin.host or address.port != origin.port:
        raise UnsafeURLError("The address can be read in two ways, so it is not fetched.")
    context.report(Connecting())
    key = policy.key if origin == policy.key_origin else {}
    # A user's session may add cookies and header fields, which a stranger must not get.
    is_foreign = origin not in policy.trusted and not is_ours(session)
    try:
        with _beside(session) if is_foreign else contextlib.nullcontext(session) as sender:
            response = await sender.get(
                address,
                allow_redirects=False,
                raise_for_status=False,
                **route.options(
                    {"User-Agent": USER_AGENT, **headers, **key}, durations(timeout.within(context))
                ),
            )
    except FOREIGN as error:
        if session.closed:
            return FailedAttempt(closed("The session"))
        failure = translate(error, origin.place, context, timeout, route)
        return FailedAttempt(failure, again=is_loss(error))
    return OpenResponse(response, route, session)


@contextlib.contextmanager
def _beside(session: aiohttp.ClientSession) -> Iterator[aiohttp.ClientSession]:
    """Lend a session over the connections of *session*, without its cookies and header fields."""
    bare_session = aiohttp.ClientSession(
        connector=session.connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=session.auto_decompress,
        timeout=aiohttp.ClientTimeout(total=None),
    )
    try:
        yield bare_session
    finally:
        bare_session.detach()


async def _route_to_stranger(
    session: aiohttp.ClientSession, route: Route
) -> tuple[aiohttp.ClientSession, Route]:
    """Return session and route to an origin that is not trusted.

    Where there is a proxy, only the proxy is connected to, and it looks the name up. Otherwise the
    name must lead to public addresses.
    """
    if route.proxy is None:
        session = sessions.public_session()
        route = await route_to(session, route.origin)
    if route.proxy is None:
        return session, route
    check_name(route.origin)
    return (sessions.session(), route) if route.is_ours else (session, replace(route, is_ours=True))


async def fetch(
    url: str, context: CallContext, *, policy: TrustPolicy, timeout: Timeout, retry: Retry, cap: int
) -> bytes:
    """Read what is at *url* into memory, at most *cap* bytes.

    Raises:
        UnsafeURLError: *url*, or what it redirects to, is not fetched.
        TransportError: It did not arrive whole.
        ProviderError: The server does not have it, or does not give it.
    """

    async def send() -> bytes | FailedAttempt:
        opened: OpenResponse | None = None
        try:
            outcome = await open_url(url, policy, context, timeout, {"Accept-Encoding": "identity"})
            if isinstance(outcome, FailedAttempt):
                return outcome
            opened = outcome
            return await _read(opened, context, cap)
        except MediaToolkitError as error:
            return FailedAttempt(error)
        except FOREIGN as error:
            place = opened.origin.place if opened else Origin.of(url).place
            return FailedAttempt(translate(error, place, context, timeout), again=is_loss(error))
        finally:
            if opened is not None:
                opened.response.close()

    return await with_retries(send, context, retry, Bucket())


async def _read(opened: OpenResponse, context: CallContext, cap: int) -> bytes | FailedAttempt:
    response, route, session = opened
    if response.status != 200:
        return _no_file(opened, context)
    pieces: list[bytes] = []
    meter = BodyMeter(
        context,
        sessions.stats(session).of(str(route.origin)),
        response.content_length,
        place=route.origin.place,
        cap=cap,
        raw=not session.auto_decompress,
    )
    await read_body(response, pieces.append, meter)
    return b"".join(pieces)


def _no_file(opened: OpenResponse, context: CallContext) -> FailedAttempt:
    """Failure of a server that answers with a status instead of a file."""
    response, route, _ = opened
    status, family = response.status, family_of(response.status)
    if status == 407:
        text, family = proxy_wants_login(route.proxy), "transport"
    else:
        text = (
            f"{route.origin.place} answered the download with status {status}; check the address "
            f"or ask for a new one.{was_on_the_way(route.proxy)}"
        )
    error = ProviderError(text, provider=context.provider, status=status, family=family)
    return FailedAttempt(error, again=status in RETRYABLE, pause=retry_after(response.headers))


async def download(
    url: str,
    path: str | os.PathLike[str],
    context: CallContext,
    *,
    policy: TrustPolicy | None = None,
    timeout: Timeout | None = None,
    retry: Retry | None = None,
    cap: int | None = None,
    digest: str | None = None,
    check: Check | None = None,
) -> Path:
    """Stream the file at *url* to *path* through a temporary file beside it.

    Args:
        url: Where it is. Without *policy*, its own origin may be private, but no address that
            it redirects to.
        path: File to make or replace; its folder exists.
        context: The public call this is part of, already open.
        policy: What is trusted; left out, the origin of *url*.
        timeout: Durations for connecting and for silence.
        retry: How often a cut download is continued.
        cap: Most bytes, else `Limits.video`.
        digest: SHA-256 in hex that the file must have.
        check: Called in a thread with the path of the whole file before it is put in place; what
            it raises leaves nothing.

    Raises:
        UnsafeURLError: *url*, or what it redirects to, is not fetched.
        StorageError: The file could not be written; nothing is left behind.
        TransportError: It did not arrive whole.
        ProviderError: The server does not have it, or does not give it.
    """
    target = target_of(path)
    incoming = _Download(
        url,
        target,
        context,
        policy=policy or TrustPolicy(trusted=frozenset({Origin.of(url)})),
        timeout=timeout or Timeout(),
        retry=retry or Retry(),
        cap=cap or Limits().video,
        digest=digest,
    )
    await asyncio.to_thread(sweep_beside, target)
    async with _ExitInThread() as stack:
        part = stack.enter_context(partial_file(target))
        await incoming.fill(stack.enter_context(part.open("w+b")))
        if check is not None:
            await asyncio.to_thread(check, part)
    return target


class _ExitInThread:
    """Contexts that are left in a thread, since removing or replacing a large file takes long.

    When no thread can be started any more, or the program ends, they are left in this thread.
    """

    def __init__(self) -> None:
        """Nothing is entered."""
        self._stack = contextlib.ExitStack()

    async def __aenter__(self) -> contextlib.ExitStack:
        """Lend the stack on which the contexts are entered."""
        return self._stack

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave them all, and come back when that is done; a cancel waits for it."""
        leave = functools.partial(self._stack.__exit__, kind, error, trace)
        if not isinstance(error, Exception | asyncio.CancelledError | None):
            leave()
            return
        try:
            leaving = asyncio.get_running_loop().run_in_executor(None, leave)
        except RuntimeError:  # the interpreter ends
            leave()
            return
        try:
            await asyncio.shield(leaving)
        except asyncio.CancelledError:
            await asyncio.wait([leaving])
            raise


class _Download:
    """One file on its way, over as many attempts as it takes."""

    def __init__(
        self,
        url: str,
        target: Path,
        context: CallContext,
        *,
        policy: TrustPolicy,
        timeout: Timeout,
        retry: Retry,
        cap: int,
        digest: str | None,
    ) -> None:
        self._url = url
        self._target = target
        self._context = context
        self._policy = policy
        self._timeout = timeout
        self._retry = retry
        self._cap = cap
        self._digest = digest.lower() if digest else None
        self._place = Origin.of(url).place
        self._received = 0
        self._etag = ""

    async def fill(self, file: BufferedRandom) -> None:
        """Write all of it and wait for the disk."""
        self._file = file
        self._spool = Spool(file, self._target)
        await with_retries(self._send, self._context, self._retry, Bucket())
        await asyncio.to_thread(flush_to_disk, file)

    async def _send(self) -> FailedAttempt | None:
        """Send one request, which goes on where the last one was cut."""
        opened: OpenResponse | None = None
        headers = {"Accept-Encoding": "identity"}
        if self._received and self._etag:
            headers |= {"Range": f"bytes={self._received}-", "If-Range": self._etag}
        try:
            outcome = await open_url(self._url, self._policy, self._context, self._timeout, headers)
            if isinstance(outcome, FailedAttempt):
                return outcome
            opened = outcome
            self._place = opened.origin.place
            failed = self._check_status(opened)
            if failed is None:
                await self._take(opened)
                failed = await self._check_digest()
        except MediaToolkitError as error:
            failed = FailedAttempt(error)
        except FOREIGN as error:
            if opened is not None and opened.session.closed:
                failed = FailedAttempt(closed("The session"))
            else:
                failure = translate(error, self._place, self._context, self._timeout)
                failed = FailedAttempt(failure, again=is_loss(error))
        finally:
            if opened is not None:
                opened.response.close()
        return failed

    def _check_status(self, opened: OpenResponse) -> FailedAttempt | None:
        """Check the status, and start again at byte 0 unless the server goes on where we were."""
        response = opened.response
        status = response.status
        if status == 206 and self._received:
            match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if match and int(match[1]) == self._received:
                return None
        was_range, self._received = self._received > 0, 0
        if status == 200:
            etag = response.headers.get("ETag", "")
            self._etag = etag if _STRONG.fullmatch(etag) else ""
            return None
        failed = _no_file(opened, self._context)
        # The file has changed since, or ranges do not work: the whole may still come.
        return replace(failed, again=True) if was_range and status in {206, 416} else failed

    async def _take(self, opened: OpenResponse) -> None:
        """Write the body behind the bytes that are there."""
        response, route, session = opened
        length = response.content_length
        total = None if length is None else length + self._received
        if "Content-Encoding" in response.headers:
            self._etag = ""  # a range counts packed bytes
        stats = sessions.stats(session).of(str(route.origin))
        meter = BodyMeter(
            self._context,
            stats,
            total,
            place=self._place,
            cap=self._cap,
            raw=not session.auto_decompress,
            received=self._received,
        )
        if total is not None and total > self._cap:
            raise too_large(meter)
        inflater = inflater_of(response, meter)
        await self._spool.restart(self._received)
        try:
            if inflater is None and takeover.possible(response):
                await self._receive(response, meter)
            else:
                await self._stream(response, meter, inflater)
        except FOREIGN:
            await self._write_all()  # the next attempt asks for a range behind what came
            raise
        await self._write_all()

    async def _receive(self, response: aiohttp.ClientResponse, meter: BodyMeter) -> None:
        try:
            await takeover.take_over(
                response, self._spool, meter, self._timeout.within(self._context).read
            )
        finally:
            self._received = meter.received

    async def _stream(
        self, response: aiohttp.ClientResponse, meter: BodyMeter, inflater: Inflater | None
    ) -> None:
        read_chunk = response.content.readchunk  # a piece as it was received, never joined
        while True:
            piece, is_chunk_end = await read_chunk()
            if not piece:
                if is_chunk_end:
                    continue
                break
            meter.add(len(piece))
            for part in (piece,) if inflater is None else inflater.feed(piece):
                self._received += len(part)
                if self._received > self._cap:
                    raise too_large(meter)
                if self._spool.add(part):
                    await self._spool.write()
        if inflater is not None:
            inflater.end()

    async def _write_all(self) -> None:
        await self._spool.write()
        await self._spool.drain()

    async def _check_digest(self) -> FailedAttempt | None:
        """Compare the digest of the file with the wanted one."""
        if self._digest is None:
            return None
        digest = await asyncio.to_thread(_digest, self._file)
        if digest == self._digest:
            return None
        self._received = 0
        return FailedAttempt(
            TransportError(
                f"The file from {self._place} does not match its checksum; ask again.",
                provider=self._context.provider,
            ),
            again=True,
        )


def _digest(file: BufferedRandom) -> str:
    file.flush()
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
