"""Opening an address that is not an API path: who is asked, with which key, by which session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp
from yarl import URL

from mediatoolkit.call import Call
from mediatoolkit.errors import MediaToolkitError, ProviderError, UnsafeURLError
from mediatoolkit.stages import Connecting
from mediatoolkit.transport.answer import family_of
from mediatoolkit.transport.body import Meter, inflater_of, read_body
from mediatoolkit.transport.dial import USER_AGENT, durations
from mediatoolkit.transport.failures import FOREIGN, is_loss, translate
from mediatoolkit.transport.guard import MOST_REDIRECTS, Origin, check_stranger, redirect_target
from mediatoolkit.transport.policy import RETRYABLE, Bucket, Retry, Timeout, retry_after
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
    origin: Origin
    session: aiohttp.ClientSession


async def open_url(
    url: str, door: Door, call: Call, timeout: Timeout, headers: Mapping[str, str]
) -> Opened:
    """Ask for *url* and follow at most five redirects, each checked like the first.

    Raises:
        UnsafeURLError: An address on the way is not fetched.
    """
    for _ in range(MOST_REDIRECTS + 1):
        opened = await _ask(url, door, call, timeout, headers)
        if opened.response.status not in _REDIRECTS:
            return opened
        location = opened.response.headers.get("Location", "")
        opened.response.close()
        url = redirect_target(url, location)
    raise UnsafeURLError(
        f"The download was redirected more than {MOST_REDIRECTS} times; ask for a new address."
    )


async def _ask(
    url: str, door: Door, call: Call, timeout: Timeout, headers: Mapping[str, str]
) -> Opened:
    origin = Origin.of(url)
    if origin in door.trusted:
        session = door.session()
    else:
        check_stranger(url)
        session = sessions.outside()
    address = URL(url.partition("#")[0], encoded=True)
    if (address.raw_host or "").lower() != origin.host or address.port != origin.port:
        raise UnsafeURLError("The address can be read in two ways, so it is not fetched.")
    call.report(Connecting())
    response = await session.get(
        address,
        headers={
            "User-Agent": USER_AGENT,
            **headers,
            **(door.key() if origin == door.home else {}),
        },
        allow_redirects=False,
        raise_for_status=False,
        timeout=durations(timeout.within(call)),
    )
    return Opened(response, origin, session)


async def fetch(
    url: str, call: Call, *, door: Door, timeout: Timeout, retry: Retry, cap: int
) -> bytes:
    """Read what is at *url* into memory, at most *cap* bytes.

    Raises:
        UnsafeURLError: *url*, or what it redirects to, is not fetched.
        TransportError: It did not arrive whole.
        ProviderError: The server has it not, or will not give it.
    """
    place = Origin.of(url).place

    async def once() -> bytes | Failed:
        opened: Opened | None = None
        try:
            opened = await open_url(url, door, call, timeout, {"Accept-Encoding": "identity"})
            return await _read(opened, call, cap)
        except MediaToolkitError as error:
            return Failed(error)
        except FOREIGN as error:
            return Failed(translate(error, place, call, timeout), again=is_loss(error))
        finally:
            if opened is not None:
                opened.response.close()

    return await persist(once, call, retry, Bucket())


async def _read(opened: Opened, call: Call, cap: int) -> bytes | Failed:
    response, origin, session = opened
    place, status = origin.place, response.status
    if status != 200:
        asked = retry_after(response.headers)
        return Failed(no_file(place, status, call), again=status in RETRYABLE, asked=asked)
    pieces: list[bytes] = []
    await read_body(
        response,
        pieces.append,
        meter=Meter(call, sessions.ledger(session).tally(str(origin)), response.content_length),
        cap=cap,
        inflater=inflater_of(response, place, raw=not session.auto_decompress),
        place=place,
    )
    return b"".join(pieces)


def no_file(place: str, status: int, call: Call) -> ProviderError:
    """Error for a server that answers with *status* instead of a file."""
    return ProviderError(
        f"{place} answered the download with status {status}; check the address or ask for a "
        "new one.",
        provider=call.provider,
        status=status,
        family=family_of(status),
    )
