"""Reading an answer that is not a 200, without believing a word of it."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import (
    LONGEST,
    AuthenticationError,
    MediaToolkitError,
    ProviderError,
    RateLimitError,
    RefusalError,
)
from mediatoolkit.transport.answer import ErrorResponse, ReadError, request_id_of
from mediatoolkit.transport.body import Meter, inflater_of, read_body
from mediatoolkit.transport.decode import parse_json
from mediatoolkit.transport.dial import Route
from mediatoolkit.transport.failures import FOREIGN, proxy_wants_login, was_on_the_way
from mediatoolkit.transport.policy import RETRYABLE, retry_after
from mediatoolkit.transport.secret import Secret, clean
from mediatoolkit.transport.tries import Failed

if TYPE_CHECKING:
    import aiohttp

_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,200})", re.IGNORECASE)
_STEPS = {413: "Send less: fewer or smaller pictures"}
_BODY_WITHIN = 5.0  # seconds; the status has been said, the body only explains it


async def failed_by(
    response: "aiohttp.ClientResponse",
    meter: Meter,
    *,
    raw: bool,
    provider: str,
    way: Route,
    secret: Secret | None,
    read: ReadError,
    cap: int,
) -> Failed:
    """Error for *response*, and whether the same may be asked again.

    Args:
        response: Its body is unread.
        meter: Counts what is read.
        raw: The session leaves bodies packed.
        provider: Vendor's name.
        way: How the request went.
        secret: Masked wherever it is echoed.
        read: The provider's eyes.
        cap: Most bytes of the body that are read.
    """
    body = await _start_of(response, meter, raw=raw, place=way.origin.place, cap=cap)
    text = body.decode("utf-8", "replace")
    if secret is not None:
        text = secret.mask(text)
    if way.proxy is not None:
        text = way.proxy.mask(text)
    refusal = ErrorResponse(
        status=response.status,
        headers=response.headers,
        text=text,
        document=_document(text),
        request_id=request_id_of(response.headers, secret),
        provider=provider,
        retry_after=retry_after(response.headers),
        _secret=secret,
    )
    error = _of_page(refusal, way) or read(refusal)
    if is_page(refusal) or refusal.document is None:
        error.args = (f"{error.args[0]}{was_on_the_way(way.proxy)}", *error.args[1:])
    error.args = (clean(str(error.args[0]), secret, LONGEST), *error.args[1:])
    return Failed(error, again=_may_pass(error, response.status), asked=_asked(error, refusal))


def explain_unread(
    error: MediaToolkitError, headers: Mapping[str, str], provider: str, way: Route
) -> None:
    """Say in *error*, about a 200 that cannot be read, whose doing that may be."""
    words = _stranger(way, provider, 200) if _is_html(headers) else str(error.args[0])
    error.args = (words + was_on_the_way(way.proxy), *error.args[1:])


def is_page(refusal: ErrorResponse) -> bool:
    """Whether a page for people came, which no vendor sends on purpose."""
    start = refusal.text[:200].lstrip("\ufeff \t\r\n").lower()
    return _is_html(refusal.headers) or start.startswith(("<!doctype html", "<html"))


def _is_html(headers: Mapping[str, str]) -> bool:
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


def error_within(
    document: Any,
    headers: Mapping[str, str],
    provider: str,
    secret: Secret | None,
    read: ReadError,
) -> ProviderError | None:
    """Error that an event of a 200 stands for, or None when it stands for none."""
    if not isinstance(document, dict) or not isinstance(document.get("error"), dict):
        return None
    code = document["error"].get("code")
    refusal = ErrorResponse(
        status=code if isinstance(code, int) else 200,
        headers=headers,
        text="",
        document=document,
        request_id=request_id_of(headers, secret),
        provider=provider,
        _secret=secret,
    )
    error = read(refusal)
    error.args = (clean(str(error.args[0]), secret, LONGEST), *error.args[1:])
    return error


def _may_pass(error: ProviderError, status: int) -> bool:
    if isinstance(error, (RefusalError, AuthenticationError)):
        return False
    if isinstance(error, RateLimitError) and error.quota_exhausted:
        return False
    return status in RETRYABLE


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
    with contextlib.suppress(ProviderError):
        return parse_json(text.encode("utf-8", "replace"))
    return None
