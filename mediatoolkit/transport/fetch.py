"""Opening an address that is not an API path: who is asked, with which key, by which session."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import aiohttp
from yarl import URL

from mediatoolkit.errors import MediaToolkitError, ProviderError, UnsafeURLError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Connecting
from mediatoolkit.runtime.in_flight import closed
from mediatoolkit.transport.answer import family_of
from mediatoolkit.transport.body import Meter, inflater_of, read_body
from mediatoolkit.transport.dial import USER_AGENT, Route, beside, durations, is_ours, route
from mediatoolkit.transport.failures import (
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
from mediatoolkit.transport.policy import RETRYABLE, Bucket, Retry, retry_after
from mediatoolkit.transport.session import sessions
from mediatoolkit.transport.tries import Failed, persist

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Door:
    """Who is known here.

    Attributes:
        session: Makes the session for origins that are trusted.
        trusted: Origins that may be private.
        home: The one origin the key goes to, or None.
        key: Header fields with the key, made at send time.
    """

    session: Callable[[], aiohttp.ClientSession] = sessions.session
    trusted: frozenset[Origin] = frozenset()
    home: Origin | None = None
    key: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)


class Opened(NamedTuple):
    """A response that is not a redirect, its body unread; who gave it, through which session."""

    response: aiohttp.ClientResponse
    route: Route
    session: aiohttp.ClientSession

    @property
    def origin(self) -> Origin:
        """Who gave it."""
        return self.route.origin


async def open_url(
    url: str, door: Door, context: CallContext, timeout: Timeout, headers: Mapping[str, str]
) -> Opened | Failed:
    """Ask for *url* and follow at most five redirects, each checked like the first.

    Returns:
        The response, or the failure of the host that did not answer.

    Raises:
        UnsafeURLError: An address on the way is not fetched.
    """
    for _ in range(MOST_REDIRECTS + 1):
        opened = await _ask(url, door, context, timeout, headers)
        if isinstance(opened, Failed) or opened.response.status not in _REDIRECTS:
            return opened
        location = opened.response.headers.get("Location", "")
        opened.response.close()
        url = redirect_target(url, location)
    raise UnsafeURLError(
        f"The download was redirected more than {MOST_REDIRECTS} times; ask for a new address."
    )


async def _ask(
    url: str, door: Door, context: CallContext, timeout: Timeout, headers: Mapping[str, str]
) -> Opened | Failed:
    origin = Origin.of(url)
    session = door.session()
    way = await route(session, origin)
    if origin not in door.trusted:
        check_stranger(url)
        session, way = await _way_to_stranger(session, way)
    address = URL(url.partition("#")[0], encoded=True)
    if (address.raw_host or "").lower() != origin.host or address.port != origin.port:
        raise UnsafeURLError("The address can be read in two ways, so it is not fetched.")
    context.report(Connecting())
    key = door.key() if origin == door.home else {}
    is_lent = origin not in door.trusted and not is_ours(session)
    try:
        with beside(session) if is_lent else contextlib.nullcontext(session) as sender:
            response = await sender.get(
                address,
                allow_redirects=False,
                raise_for_status=False,
                **way.options(
                    {"User-Agent": USER_AGENT, **headers, **key}, durations(timeout.within(context))
                ),
            )
    except FOREIGN as error:
        if session.closed:
            return Failed(closed("The session"))
        failure = translate(error, origin.place, context, timeout, way)
        return Failed(failure, again=is_loss(error))
    return Opened(response, way, session)


async def _way_to_stranger(
    session: aiohttp.ClientSession, way: Route
) -> tuple[aiohttp.ClientSession, Route]:
    """Session and way to somebody who is not trusted.

    Where there is a proxy, only the proxy is connected to, and it looks the name up. Otherwise the
    name must lead to public addresses.
    """
    if way.proxy is None:
        session = sessions.outside()
        way = await route(session, way.origin)
    if way.proxy is None:
        return session, way
    check_name(way.origin)
    return (sessions.session(), way) if way.is_ours else (session, replace(way, is_ours=True))


async def fetch(
    url: str, context: CallContext, *, door: Door, timeout: Timeout, retry: Retry, cap: int
) -> bytes:
    """Read what is at *url* into memory, at most *cap* bytes.

    Raises:
        UnsafeURLError: *url*, or what it redirects to, is not fetched.
        TransportError: It did not arrive whole.
        ProviderError: The server has it not, or will not give it.
    """

    async def once() -> bytes | Failed:
        opened: Opened | None = None
        try:
            reached = await open_url(url, door, context, timeout, {"Accept-Encoding": "identity"})
            if isinstance(reached, Failed):
                return reached
            opened = reached
            return await _read(opened, context, cap)
        except MediaToolkitError as error:
            return Failed(error)
        except FOREIGN as error:
            place = opened.origin.place if opened else Origin.of(url).place
            return Failed(translate(error, place, context, timeout), again=is_loss(error))
        finally:
            if opened is not None:
                opened.response.close()

    return await persist(once, context, retry, Bucket())


async def _read(opened: Opened, context: CallContext, cap: int) -> bytes | Failed:
    response, way, session = opened
    origin, status = way.origin, response.status
    place = origin.place
    if status != 200:
        asked = retry_after(response.headers)
        return Failed(no_file(way, status, context), again=status in RETRYABLE, asked=asked)
    pieces: list[bytes] = []
    await read_body(
        response,
        pieces.append,
        meter=Meter(context, sessions.ledger(session).tally(str(origin)), response.content_length),
        cap=cap,
        inflater=inflater_of(response, place, raw=not session.auto_decompress),
        place=place,
    )
    return b"".join(pieces)


def no_file(way: Route, status: int, context: CallContext) -> ProviderError:
    """Error for a server that answers with *status* instead of a file."""
    family = family_of(status)
    if status == 407:
        text, family = proxy_wants_login(way.proxy), "transport"
    else:
        text = (
            f"{way.origin.place} answered the download with status {status}; check the address or "
            f"ask for a new one.{was_on_the_way(way.proxy)}"
        )
    return ProviderError(text, provider=context.provider, status=status, family=family)
