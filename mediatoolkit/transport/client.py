"""One provider's calls over HTTP under a policy: slots, deadline, retries, honest errors."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mediatoolkit.call import Call
from mediatoolkit.transport.answer import Answer, ReadRefusal, error_by_status
from mediatoolkit.transport.policy import Limits, Retry, Timeout
from mediatoolkit.transport.secret import Secret

if TYPE_CHECKING:
    import aiohttp


class Transport:
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
        timeout: Durations; `total` is only the default that a caller opens its `Call` with.
        retry: When a failed try is sent again.
        limits: How much at a time.
        refusal: Reads a refusal's body.
        media_fields: Names of the JSON fields that hold base64.
        trusted_origins: Further origins that may be private and are downloaded from, without key.

    Raises:
        UnsafeURLError: *base_url* is not such an address.
        AuthenticationError: The key cannot be sent.
    """

    def __init__(
        self,
        base_url: str,
        *,
        provider: str,
        secret: Secret | None = None,
        auth_header: str = "authorization",
        auth_prefix: str = "",
        headers: Mapping[str, str] | None = None,
        session: "aiohttp.ClientSession | None" = None,
        timeout: Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        refusal: ReadRefusal = error_by_status,
        media_fields: tuple[str, ...] = ("data",),
        trusted_origins: tuple[str, ...] = (),
    ) -> None:
        """Check the address; opens nothing."""
        raise NotImplementedError

    async def post(
        self,
        path: str,
        document: Mapping[str, Any],
        call: Call,
        *,
        headers: Mapping[str, str] | None = None,
        paid: bool = True,
    ) -> Answer:
        """Send *document* to *path* below the base URL.

        Args:
            path: Such as `"/v1beta/models/x:generateContent"`, already percent-encoded; no query.
            document: JSON; `bytes` values travel as base64.
            call: The public call this is part of, already open.
            headers: Further header fields.
            paid: The provider bills for it, so it is never sent twice on suspicion.

        Raises:
            ProviderError: The provider said no; what kind is for `refusal` to say.
            TransportError: No usable answer came back.
            MediaError: A media field holds bad base64.
            ClosedError: The transport is closed.
        """
        raise NotImplementedError

    async def get(
        self,
        path: str,
        call: Call,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Read *path* below the base URL; errors as `post`."""
        raise NotImplementedError

    async def download(
        self, url: str, path: str | Path, call: Call, *, digest: str | None = None
    ) -> Path:
        """Stream the file at *url* to *path*, whole or not at all.

        Args:
            url: Address the provider gave; must be public unless its origin is the base URL's
                or trusted. The key goes along only to the base URL's own origin.
            path: File to make or replace; its folder exists.
            call: The public call this is part of, already open.
            digest: SHA-256 in hex that the file must have.

        Raises:
            UnsafeURLError: *url*, or what it redirects to, is not fetched.
            StorageError: The file could not be written; nothing is left behind.
            TransportError: The file did not arrive whole.
            TooLargeError: It is larger than `Limits.video`.
        """
        raise NotImplementedError

    async def fetch(self, url: str, call: Call) -> bytes:
        """Read the picture at *url* into memory, at most `Limits.image`; else as `download`."""
        raise NotImplementedError

    async def close(self) -> None:
        """Fail what is in flight with `ClosedError` and refuse later use; waits at most 4 s."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()
