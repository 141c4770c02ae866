"""What comes back: a response with its media taken out, or an error response and its error.

Nothing in an error response is trusted; all of it may be missing, cut or forged.
"""

import asyncio
import contextlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import (
    MAX_MESSAGE,
    AuthenticationError,
    MediaError,
    MediaToolkitError,
    ModelNotFoundError,
    ProviderError,
    RateLimitError,
    RefusalError,
)
from mediatoolkit.transport.body import BodyMeter, read_body, too_large
from mediatoolkit.transport.exceptions import FOREIGN, proxy_wants_login, was_on_the_way
from mediatoolkit.transport.json_media import decode_media, parse_json
from mediatoolkit.transport.policy import RETRYABLE
from mediatoolkit.transport.retry import FailedAttempt
from mediatoolkit.transport.secret import clean

if TYPE_CHECKING:
    import aiohttp

    from mediatoolkit.transport.attempt import TransportConfig
    from mediatoolkit.transport.route import Route

_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,200})", re.IGNORECASE)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[][{},]|[^][{},"]+', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}
_STEPS = {413: "Send less: fewer or smaller pictures"}
_BODY_WITHIN = 5.0  # seconds; the status is known, and the body only explains it
_FAMILIES = {401: "auth", 403: "auth", 408: "timeout", 429: "rate_limit"}


@dataclass(frozen=True, slots=True)
class Response:
    """A provider's response with a status that the client calls a success.

    Attributes:
        document: The JSON, with the string value of every media field replaced by a reference;
            None where the body is none, as with a status 204 or an empty 202.
        status: HTTP status.
        headers: Header fields, looked up without regard to case.
        provider: Vendor that responded.
        request_id: The provider's name for the call, or None.
        content: The body as it came, where bytes were expected.
        event: Name of the server-sent event; empty where it has none.
    """

    document: Any
    status: int
    headers: Mapping[str, str] = field(repr=False)
    provider: str
    request_id: str | None = None
    content: bytes = field(repr=False, default=b"")
    event: str = ""
    _media: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    _mask: Callable[[str], str] = field(repr=False, default=str)

    def media_bytes(self, reference: object) -> bytes:
        """Bytes that stood as base64 where *reference* stands in `document`.

        A media field whose name was written with escapes is found by the parser alone and still
        holds its text; it is decoded here.

        Raises:
            ProviderError: *reference* is no text, so there is no media.
            MediaError: It is text, but not base64.
        """
        if not isinstance(reference, str):
            raise ProviderError(
                f"The answer of {self.provider} has no media where it should be; report it with "
                "the request id if it happens again.",
                provider=self.provider,
                status=self.status,
                request_id=self.request_id,
                family="protocol",
                may_have_been_billed=True,
            )
        data = self._media.get(reference)
        if data is not None:
            return data
        try:
            return decode_media(reference)
        except MediaError as error:
            error.provider, error.may_have_been_billed = self.provider, True
            raise

    def safe_text(self, text: object, limit: int = 300) -> str:
        """*text* of the provider made safe for a message: on one line, cut, and without the key."""
        return clean(text if isinstance(text, str) else "", self._mask, limit)

    def part(
        self,
        document: Any,
        *,
        request_id: str | None = None,
        media: Mapping[str, bytes] | None = None,
    ) -> "Response":
        """One of several responses that came together, as those of a batch do.

        Args:
            document: Its JSON.
            request_id: The provider's name for it.
            media: Its media by reference; left out, it is among that of this response.
        """
        media = self._media if media is None else media
        return replace(self, document=document, request_id=request_id, _media=media)

    def failed_part(
        self, document: Any, status: int, *, request_id: str | None = None
    ) -> "ErrorResponse":
        """As `part`, for one whose *status* is no success."""
        return ErrorResponse(status, {}, "", document, request_id, self.provider, _mask=self._mask)


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Facts of a response that is no success, for the provider to read.

    What the provider wrote stands here as it came; `safe_text` makes it fit to be shown.

    Attributes:
        status: HTTP status.
        headers: Header fields, looked up without regard to case.
        text: Body as text, at most `Limits.error` bytes of it.
        document: Body as JSON, or None where it is none.
        request_id: The provider's name for the call, or None.
        provider: Vendor that responded.
        retry_after: Seconds that a header asks to wait, or None.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    document: Any = field(repr=False)
    request_id: str | None
    provider: str
    retry_after: float | None = None
    _mask: Callable[[str], str] = field(repr=False, default=str)

    def safe_text(self, text: object, limit: int = 300) -> str:
        """*text* of the provider made safe for a message: on one line, cut, and without the key."""
        return clean(text if isinstance(text, str) else "", self._mask, limit)


ReadError = Callable[[ErrorResponse], ProviderError]
"""Turns an error response into the error to raise; a pure function of the provider's."""


def error_by_status(response: ErrorResponse, message: str | None = None) -> ProviderError:
    """Error that the status alone tells, for a body that tells nothing better.

    Args:
        response: What came back.
        message: Sentence to show; left out, the status and the start of the body.
    """
    status, name = response.status, response.provider
    text = message or f"{name} answered with status {status}{_quoted(response)}."
    facts: dict[str, Any] = {
        "provider": name,
        "status": status,
        "request_id": response.request_id,
    }
    if status in (401, 403):
        return AuthenticationError(f"{text} Check the key and what it may do.", **facts)
    if status == 404:
        return ModelNotFoundError(f"{text} Check the model's name.", **facts)
    if status == 429:
        return RateLimitError(f"{text} Ask again later.", retry_after=response.retry_after, **facts)
    if 300 <= status < 400:
        return ProviderError(
            f"{text} Redirects are not followed on calls; correct base_url=.",
            family="protocol",
            **facts,
        )
    if status == 413:
        text += " Send less: fewer or smaller pictures."
    elif status >= 500:
        text += " Ask again later."
    return ProviderError(text, family=family_of(status), **facts)


def family_of(status: int) -> str:
    """The family of what *status* says; `"request"` is what will be the same another time."""
    if status in _FAMILIES:
        return _FAMILIES[status]
    return "server" if status >= 500 else "request" if status >= 400 else "protocol"


def _quoted(response: ErrorResponse) -> str:
    text = response.safe_text(response.text, 200)
    return f": {text}" if text and not text.startswith("<") else ""


async def failed_by(
    response: "aiohttp.ClientResponse",
    meter: BodyMeter,
    config: "TransportConfig",
    route: "Route",
) -> FailedAttempt:
    """Error for *response*, and whether the same may be asked again.

    Args:
        response: Its body is unread.
        meter: Counts what is read.
        config: Configuration of the transport.
        route: How the request went.
    """
    text = (await _start_of(response, meter, config.limits.error)).decode("utf-8", "replace")

    def mask(text: str) -> str:
        return config.mask(text if route.proxy is None else route.proxy.mask(text))

    error_response = ErrorResponse(
        status=response.status,
        headers=response.headers,
        text=text,
        document=_document(text),
        request_id=config.dialect.request_id_of(response.headers, mask),
        provider=config.provider,
        retry_after=config.dialect.pause_of(response.headers),
        _mask=mask,
    )
    error = _page_error(error_response, route) or config.read_error(error_response)
    if _is_page(error_response) or error_response.document is None:
        error.args = (f"{error.args[0]}{was_on_the_way(route.proxy)}", *error.args[1:])
    _mask_error(error, mask)
    return FailedAttempt(
        error,
        again=not _is_final(error) and config.dialect.is_retryable(error_response),
        pause=_pause(error, error_response),
    )


def _mask_error(error: ProviderError, mask: Callable[[str], str]) -> None:
    """Take the key out of all texts of *error*, since a vendor may have echoed it."""
    error.args = (clean(str(error.args[0]), mask, MAX_MESSAGE), *error.args[1:])
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, mask(value))


def explain_unread(
    error: MediaToolkitError, response: "aiohttp.ClientResponse", provider: str, route: "Route"
) -> None:
    """Say in *error*, about a success that cannot be read, who may have caused it."""
    words = str(error.args[0])
    if is_html(response.headers):
        words = _not_the_vendor(route, provider, response.status)
    error.args = (words + was_on_the_way(route.proxy), *error.args[1:])


def _is_page(error_response: ErrorResponse) -> bool:
    """Whether a page for people came, which no vendor sends on purpose."""
    start = error_response.text[:200].lstrip("\ufeff \t\r\n").lower()
    return is_html(error_response.headers) or start.startswith(("<!doctype html", "<html"))


def is_html(headers: Mapping[str, str]) -> bool:
    """Whether the body is called a page."""
    return headers.get("Content-Type", "").lower().startswith("text/html")


def _page_error(error_response: ErrorResponse, route: "Route") -> ProviderError | None:
    """Error for a page or a 407 in the vendor's place, else None; the key is not at fault there."""
    status, page = error_response.status, _is_page(error_response)
    facts: dict[str, Any] = {
        "provider": error_response.provider,
        "status": status,
        "request_id": error_response.request_id,
    }
    if status == 407:
        return ProviderError(proxy_wants_login(route.proxy), family="transport", **facts)
    if not page or status in RETRYABLE or not (400 <= status < 500 or status == 511):
        return None
    title = _TITLE.search(error_response.text)
    phrase = f' titled "{error_response.safe_text(title[1], 80)}"' if title else ""
    return ProviderError(
        _not_the_vendor(route, error_response.provider, status, phrase), family="protocol", **facts
    )


def _not_the_vendor(route: "Route", provider: str, status: int, phrase: str = "") -> str:
    """Message for an HTML page; *phrase* tells its title, or is empty."""
    step = _STEPS.get(status, "Sign in to the network in a browser, or ask who runs it")
    return (
        f"{route.origin.place} answered with an HTML page{phrase} (status {status}), so it was not "
        f"{provider} who spoke, but a proxy, a filter or a login page. {step}; and check "
        "the address."
    )


def error_within(
    document: Any, headers: Mapping[str, str], config: "TransportConfig"
) -> ProviderError | None:
    """Error that an event of a success stands for, or None when it stands for none."""
    error_object = document.get("error") if isinstance(document, dict) else None
    if not error_object or not isinstance(error_object, (dict, str)):
        return None
    code = error_object.get("code") if isinstance(error_object, dict) else None
    error_response = ErrorResponse(
        status=code if type(code) is int and 400 <= code < 600 else 200,
        headers=headers,
        text="",
        document=document,
        request_id=config.dialect.request_id_of(headers, config.mask),
        provider=config.provider,
        _mask=config.mask,
    )
    error = config.read_error(error_response)
    _mask_error(error, config.mask)
    return error


def _is_final(error: ProviderError) -> bool:
    """Whether the same request would bring the same *error*."""
    if isinstance(error, RateLimitError):
        return error.quota_exhausted
    return isinstance(error, (RefusalError, AuthenticationError))


def _pause(error: ProviderError, error_response: ErrorResponse) -> float | None:
    """Pause that the body or else the header asks for; a rate limit remembers it."""
    if isinstance(error, RateLimitError) and error.retry_after is None:
        error.retry_after = error_response.retry_after
    return error_response.retry_after if error.retry_after is None else error.retry_after


async def _start_of(response: "aiohttp.ClientResponse", meter: BodyMeter, most: int) -> bytes:
    """Read as much of an error's body as comes in time and fits; it may be cut or garbage."""
    body = bytearray()
    meter.total, meter.cap = None, sys.maxsize  # what is beyond *most* is left unread

    def take(part: bytes) -> None:
        body.extend(part[: most - len(body)])
        if len(body) == most:
            raise too_large(meter)

    with contextlib.suppress(TimeoutError, MediaToolkitError, *FOREIGN):
        async with asyncio.timeout(_BODY_WITHIN):
            await read_body(response, take, meter)
    return bytes(body)


def _document(text: str) -> Any:
    """The body as JSON, as far as it came; a letter that is no UTF-8 does not spoil the rest."""
    with contextlib.suppress(ProviderError):
        return parse_json(text.encode("utf-8", "replace"))
    with contextlib.suppress(ProviderError):
        return parse_json(_whole_part(text).encode("utf-8", "replace"))
    return None


def _whole_part(text: str) -> str:
    """JSON that was cut, without what is not whole; vendors echo pictures behind their words."""
    closing: list[str] = []
    at = end = 0
    while token := _TOKEN.match(text, at):
        at, mark = token.end(), token[0]
        if mark in _CLOSING:
            closing.append(_CLOSING[mark])
            end = at
        elif closing and mark == closing[-1]:
            closing.pop()
            end = at
        elif mark == ",":
            end = token.start()
    return text[:end] + "".join(reversed(closing))
