"""What comes back: an answer with its media taken out, or the facts of a refusal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mediatoolkit.errors import (
    AuthenticationError,
    ModelNotFoundError,
    ProviderError,
    RateLimitError,
)
from mediatoolkit.transport.decode import decode_media
from mediatoolkit.transport.secret import clean

_FAMILIES = {401: "auth", 403: "auth", 408: "timeout", 429: "rate_limit"}


@dataclass(frozen=True, slots=True)
class Response:
    """A provider's answer with a status that the client calls a success.

    Attributes:
        document: The JSON, with the string value of every media field replaced by a reference;
            None where the body is none, as with a status 204.
        status: HTTP status.
        headers: Header fields, looked up without regard to case.
        provider: Vendor that answered.
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
        found = self._media.get(reference)
        return decode_media(reference) if found is None else found

    def safe_text(self, text: object, limit: int = 300) -> str:
        """*text* of the provider made safe for a message: key masked, cut, one line."""
        return clean(text if isinstance(text, str) else "", self._mask, limit)


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Facts of an answer that is no success, for the provider to read.

    What the provider wrote stands here as it came; `safe_text` makes it fit to be shown.

    Attributes:
        status: HTTP status.
        headers: Header fields, looked up without regard to case.
        text: Body as text, at most `Limits.error` bytes of it.
        document: Body as JSON, or None where it is none.
        request_id: The provider's name for the call, or None.
        provider: Vendor that answered.
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
        """*text* of the provider made safe for a message: key masked, cut, one line."""
        return clean(text if isinstance(text, str) else "", self._mask, limit)


ReadError = Callable[[ErrorResponse], ProviderError]
"""Turns an error response into the error to raise; a pure function of the provider's."""


def error_by_status(response: ErrorResponse, message: str | None = None) -> ProviderError:
    """Error that the status alone tells, for a provider that found nothing better in the body.

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
