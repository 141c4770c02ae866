"""Files from the web, whole or not at all."""

import os
from pathlib import Path

from mediatoolkit.transport import Timeout, Transport, call_within
from mediatoolkit.transport.guard import Origin


async def download(
    url: str, path: str | os.PathLike[str], *, timeout: float | Timeout | None = None
) -> Path:
    """Download a file, whole or not at all.

    Args:
        url: http(s). Its own host may be private; what it redirects to may not.
        path: File to make or replace, in a folder that exists.
        timeout: Seconds for everything together; left out, 180.

    Returns:
        *path*.

    Raises:
        UnsafeURLError: *url*, or what it redirects to, is not fetched.
        StorageError: The file could not be written; nothing is left behind.
        TransportError: It did not arrive whole in time.
    """
    origin = Origin.of(url)
    async with (
        Transport(str(origin), provider=origin.host) as transport,
        call_within(timeout, Timeout()) as call,
    ):
        return await transport.download(url, path, call)
