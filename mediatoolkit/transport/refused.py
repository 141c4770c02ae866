"""Reading an answer that is not a 200, without believing a word of it."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import (
    LONGEST,
    AuthenticationError,
    MediaToolkitError,
    ProviderError,
    RateLimitError,
    RefusalError,
)
from mediatoolkit.transport.answer import ErrorResponse
from mediatoolkit.transport.body import Meter, inflater_of, read_body
from mediatoolkit.transport.decode import parse_json
from mediatoolkit.transport.dial import Route
from mediatoolkit.transport.failures import FOREIGN, proxy_wants_login, was_on_the_way
from mediatoolkit.transport.policy import RETRYABLE
from mediatoolkit.transport.secret import clean
from mediatoolkit.transport.tries import Failed

if TYPE_CHECKING:
    import aiohttp

    from mediatoolkit.transport.exchange import Line

_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,200})", re.IGNORECASE)
_STEPS = {413: "Send less: fewer or smaller pictures"}
_BODY_WITHIN = 5.0  # seconds; the status has been said, the body only explains it


async def failed_by(
    response: "aiohttp.ClientResponse",
    meter: Meter,
    *,
    raw: bool,
    line: "Line",
    way: Route,
) -> Failed:
    """Error for *response*, and whether the same may be asked again.

    Args:
        response: Its body is unread.
        meter: Counts what is read.
        raw: The session leaves bodies packed.
        line: Whose response it is.
        way: How the request went.
    """
    cap = line.limits.error
    body = await _start_of(response, meter, raw=raw, place=way.origin.place, cap=cap)
    text = body.decode("utf-8", "replace")

    def mask(text: str) -> str:
        return line.mask(text if way.proxy is None else way.proxy.mask(text))

    refusal = ErrorResponse(
        status=response.status,
        headers=response.headers,
        text=text,
        document=_document(text),
        request_id=line.request_id_of(response.headers),
        provider=line.provider,
        retry_after=line.dialect.pause_of(response.headers),
        _mask=mask,
    )
    error = _of_page(refusal, way) or line.read_error(refusal)
    if is_page(refusal) or refusal.document is None:
        error.args = (f"{error.args[0]}{was_on_the_way(way.proxy)}", *error.args[1:])
    _hide(error, mask)
    return Failed(
        error,
        again=not _is_final(error) and line.dialect.is_retryable(refusal),
        asked=_asked(error, refusal),
    )


def _hide(error: ProviderError, mask: Callable[[str], str]) -> None:
    """Take the key out of all that *error* says, should the vendor have echoed it."""
    error.args = (clean(str(error.args[0]), mask, LONGEST), *error.args[1:])
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, mask(value))


def explain_unread(
    error: MediaToolkitError, response: "aiohttp.ClientResponse", provider: str, way: Route
) -> None:
    """Say in *error*, about a success that cannot be read, whose doing that may be."""
    words = str(error.args[0])
    if is_html(response.headers):
        words = _stranger(way, provider, response.status)
    error.args = (words + was_on_the_way(way.proxy), *error.args[1:])


def is_page(refusal: ErrorResponse) -> bool:
    """Whether a page for people came, which no vendor sends on purpose."""
    start = refusal.text[:200].lstrip("\ufeff \t\r\n").lower()
    return is_html(refusal.headers) or start.startswith(("<!doctype html", "<html"))


def is_html(headers: Mapping[str, str]) -> bool:
    """Whether the body is called a page."""
    return headers.get("Content-Type", "").lower().startswith("text/html")


def _of_page(refusal: ErrorResponse, way: Route) -> ProviderError | None:
    """Error for what somebody else said in the vendor's place, or None; it judges no key."""
    status, page = refusal.status, is_page(refusal)
    facts: dict[str, Any] = {
        "provider": refusal.provider,
        "status": status,
        "request_id": refusal.request_id,
    }
    if status == 407:
        return ProviderError(proxy_wants_login(way.proxy), family="transport", **facts)
    if not page or status in RETRYABLE or not (400 <= status < 500 or status == 511):
        return None
    title = _TITLE.search(refusal.text)
    named = f' titled "{refusal.safe_text(title[1], 80)}"' if title else ""
    return ProviderError(
        _stranger(way, refusal.provider, status, named), family="protocol", **facts
    )


def _stranger(way: Route, provider: str, status: int, named: str = "") -> str:
    """Message for an HTML page; *named* tells its title."""
    step = _STEPS.get(status, "Sign in to the network in a browser, or ask who runs it")
    return (
        f"{way.origin.place} answered with an HTML page{named} (status {status}), so it was not "
        f"{provider} who spoke, but a proxy, a filter or a login page. {step}; and check "
        "the address."
    )


def error_within(document: Any, headers: Mapping[str, str], line: "Line") -> ProviderError | None:
    """Error that an event of a success stands for, or None when it stands for none."""
    if not isinstance(document, dict) or not isinstance(document.get("error"), dict):
        return None
    code = document["error"].get("code")
    refusal = ErrorResponse(
        status=code if isinstance(code, int) else 200,
        headers=headers,
        text="",
        document=document,
        request_id=line.request_id_of(headers),
        provider=line.provider,
        _mask=line.mask,
    )
    error = line.read_error(refusal)
    _hide(error, line.mask)
    return error


def _is_final(error: ProviderError) -> bool:
    """Whether the same request would bring the same *error*."""
    if isinstance(error, RateLimitError):
        return error.quota_exhausted
    return isinstance(error, (RefusalError, AuthenticationError))


def _asked(error: ProviderError, refusal: ErrorResponse) -> float | None:
    """Pause that the body or else the header asks for; a rate limit remembers it."""
    if not isinstance(error, RateLimitError):
        return refusal.retry_after
    if error.retry_after is None:
        error.retry_after = refusal.retry_after
    return error.retry_after


async def _start_of(
    response: "aiohttp.ClientResponse", meter: Meter, *, raw: bool, place: str, cap: int
) -> bytes:
    """As much of a refusal's body as comes in time and fits; it may be cut, packed or garbage."""
    body = bytearray()
    meter.total = None  # a declared length does not matter: the rest is left unread
    with contextlib.suppress(TimeoutError, MediaToolkitError, *FOREIGN):
        async with asyncio.timeout(_BODY_WITHIN):
            await read_body(
                response,
                body.extend,
                meter=meter,
                cap=cap,
                inflater=inflater_of(response, place, raw=raw),
                place=place,
            )
    return bytes(body[:cap])


def _document(text: str) -> Any:
    """The body as JSON; a letter that is no UTF-8 does not spoil the rest."""
    with contextlib.suppress(ProviderError):
        return parse_json(text.encode("utf-8", "replace"))
    return None
