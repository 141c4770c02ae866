"""What comes back: an answer with its media taken out, or the facts of a refusal."""

import re
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
from mediatoolkit.transport.secret import Secret, clean

_ID_FIELDS = ("x-request-id", "request-id", "x-goog-request-id", "x-fal-request-id")
_FAMILIES = {401: "auth", 403: "auth", 408: "timeout", 429: "rate_limit"}
_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Response:
    """A provider's 200.

    Attributes:
        document: The JSON, with the string value of every media field replaced by a reference.
        status: HTTP status, always 200.
        headers: Header fields, looked up without regard to case.
        provider: Vendor that answered.
    """

    document: Any
    status: int
    headers: Mapping[str, str] = field(repr=False)
    provider: str
    _blobs: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    _secret: Secret | None = field(repr=False, default=None)

    @property
    def request_id(self) -> str | None:
        """The provider's name for the call, or None."""
        return request_id_of(self.headers, self._secret)

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
        found = self._blobs.get(reference)
        return decode_media(reference) if found is None else found

    def safe_text(self, text: object, limit: int = 300) -> str:
        """*text* of the provider made safe for a message: key masked, cut, one line."""
        return clean(text if isinstance(text, str) else "", self._secret, limit)


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Facts of an answer that is not a 200, for the provider to read.

    Attributes:
        status: HTTP status.
        headers: Header fields, looked up without regard to case.
        text: Body as text, key masked, at most `Limits.error` bytes of it.
        document: Body as JSON, or None where it is none.
        request_id: The provider's name for the call, or None.
        provider: Vendor that answered.
        retry_after: Seconds that a `Retry-After` header asks for, or None.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    document: Any
    request_id: str | None
    provider: str
    retry_after: float | None = None
    _secret: Secret | None = field(repr=False, default=None)

    def safe_text(self, text: object, limit: int = 300) -> str:
        """*text* of the provider made safe for a message: key masked, cut, one line."""
        return clean(text if isinstance(text, str) else "", self._secret, limit)


def request_id_of(headers: Mapping[str, str], secret: Secret | None = None) -> str | None:
    """The provider's name for a call, if it looks like one."""
    for name in _ID_FIELDS:
        found = headers.get(name, "")
        if _ID.fullmatch(found):
            return found if secret is None else secret.mask(found)
    return None


ReadError = Callable[[ErrorResponse], ProviderError]
"""Turns the facts of a refusal into the error to raise; a pure function of the provider's."""


def error_by_status(refusal: ErrorResponse, message: str | None = None) -> ProviderError:
    """Error that the status alone tells, for a provider that found nothing better in the body.

    Args:
        refusal: What came back.
        message: Sentence to show; left out, the status and the start of the body.
    """
    status, name = refusal.status, refusal.provider
    said = message or f"{name} answered with status {status}{_quoted(refusal)}."
    facts: dict[str, Any] = {
        "provider": name,
        "status": status,
        "request_id": refusal.request_id,
    }
    if status in (401, 403):
        return AuthenticationError(f"{said} Check the key and what it may do.", **facts)
    if status == 404:
        return ModelNotFoundError(f"{said} Check the model's name.", **facts)
    if status == 429:
        return RateLimitError(f"{said} Ask again later.", retry_after=refusal.retry_after, **facts)
    if 300 <= status < 400:
        return ProviderError(
            f"{said} Redirects are not followed on calls; correct base_url=.",
            family="protocol",
            **facts,
        )
    if status == 413:
        said += " Send less: fewer or smaller pictures."
    elif status >= 500:
        said += " Ask again later."
    return ProviderError(said, family=family_of(status), **facts)


def family_of(status: int) -> str:
    """The family of what *status* says; `"request"` is what will be the same another time."""
    if status in _FAMILIES:
        return _FAMILIES[status]
    return "server" if status >= 500 else "request" if status >= 400 else "protocol"


def _quoted(refusal: ErrorResponse) -> str:
    text = refusal.safe_text(refusal.text, 200)
    return f": {text}" if text and not text.startswith("<") else ""
