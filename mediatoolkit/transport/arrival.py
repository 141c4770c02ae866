"""Files that arrive whole or not at all."""

import asyncio
import contextlib
import functools
import hashlib
import os
import re
from collections.abc import Callable
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mediatoolkit.errors import MediaToolkitError, TransportError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.files import partial_file, settle, sweep_beside, target_of
from mediatoolkit.runtime.in_flight import closed
from mediatoolkit.transport import takeover
from mediatoolkit.transport.body import Inflater, Meter, inflater_of, too_large
from mediatoolkit.transport.failures import FOREIGN, is_loss, translate
from mediatoolkit.transport.fetch import Door, Opened, no_file, open_url
from mediatoolkit.transport.guard import Origin
from mediatoolkit.transport.policy import RETRYABLE, Bucket, Limits, Retry, retry_after
from mediatoolkit.transport.session import sessions
from mediatoolkit.transport.spool import Spool
from mediatoolkit.transport.tries import Failed, persist

if TYPE_CHECKING:
    import aiohttp

Check = Callable[[Path], object]

_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)", re.ASCII)
_STRONG = re.compile(r'"[!#-~]*"', re.ASCII)


async def download(
    url: str,
    path: str | os.PathLike[str],
    context: CallContext,
    *,
    door: Door | None = None,
    timeout: Timeout | None = None,
    retry: Retry | None = None,
    cap: int | None = None,
    digest: str | None = None,
    check: Check | None = None,
) -> Path:
    """Stream the file at *url* to *path* through a temporary file beside it.

    Args:
        url: Where it is. Left to itself, its own origin may be private, but nothing that it
            redirects to.
        path: File to make or replace; its folder exists.
        context: The public call this is part of, already open.
        door: Who is known, where that is decided elsewhere.
        timeout: Durations for connecting and for silence.
        retry: How often a cut is mended.
        cap: Most bytes, else `Limits.video`.
        digest: SHA-256 in hex that the file must have.
        check: Called in a thread with the path of the whole file before it is put in place; what
            it raises leaves nothing.

    Raises:
        UnsafeURLError: *url*, or what it redirects to, is not fetched.
        StorageError: The file could not be written; nothing is left behind.
        TransportError: It did not arrive whole.
        ProviderError: The server has it not, or will not give it.
    """
    target = target_of(path)
    arrival = _Arrival(
        url,
        target,
        context,
        door=door or Door(trusted=frozenset({Origin.of(url)})),
        timeout=timeout or Timeout(),
        retry=retry or Retry(),
        cap=cap or Limits().video,
        digest=digest,
    )
    await asyncio.to_thread(sweep_beside, target)
    async with _ExitInThread() as stack:
        part = stack.enter_context(partial_file(target))
        await arrival.fill(stack.enter_context(part.open("w+b")))
        if check is not None:
            await asyncio.to_thread(check, part)
    return target


class _ExitInThread:
    """Contexts that are left in a thread, since removing or replacing a large file takes long.

    Where no thread can be started any more, or the program is being ended, they are left at once.
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


class _Arrival:
    """One file on its way, over as many tries as it takes."""

    def __init__(
        self,
        url: str,
        target: Path,
        context: CallContext,
        *,
        door: Door,
        timeout: Timeout,
        retry: Retry,
        cap: int,
        digest: str | None,
    ) -> None:
        self._url = url
        self._target = target
        self._call = context
        self._door = door
        self._timeout = timeout
        self._retry = retry
        self._cap = cap
        self._digest = digest.lower() if digest else None
        self._place = Origin.of(url).place
        self._have = 0
        self._etag = ""

    async def fill(self, file: BufferedRandom) -> None:
        """Write all of it and wait for the disk."""
        self._file = file
        self._spool = Spool(file, self._target)
        await persist(self._once, self._call, self._retry, Bucket())
        await asyncio.to_thread(settle, file)

    async def _once(self) -> Failed | None:
        """One request, from where the last one was cut."""
        opened: Opened | None = None
        wanted = {"Accept-Encoding": "identity"}
        if self._have and self._etag:
            wanted |= {"Range": f"bytes={self._have}-", "If-Range": self._etag}
        try:
            reached = await open_url(self._url, self._door, self._call, self._timeout, wanted)
            if isinstance(reached, Failed):
                return reached
            opened = reached
            self._place = opened.origin.place
            failed = self._refused(opened)
            if failed is None:
                await self._take(opened)
                failed = await self._compared()
        except MediaToolkitError as error:
            failed = Failed(error)
        except FOREIGN as error:
            if opened is not None and opened.session.closed:
                failed = Failed(closed("The session"))
            else:
                failure = translate(error, self._place, self._call, self._timeout)
                failed = Failed(failure, again=is_loss(error))
        finally:
            if opened is not None:
                opened.response.close()
        return failed

    def _refused(self, opened: Opened) -> Failed | None:
        """Check the status; moves back to the start unless the server goes on where we were."""
        response = opened.response
        status = response.status
        if status == 206 and self._have:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if found and int(found[1]) == self._have:
                return None
        ranged, self._have = self._have > 0, 0
        if status == 200:
            etag = response.headers.get("ETag", "")
            self._etag = etag if _STRONG.fullmatch(etag) else ""
            return None
        error = no_file(opened.route, status, self._call)
        again = status in RETRYABLE or (ranged and status in {206, 416})
        return Failed(error, again=again, asked=retry_after(response.headers))

    async def _take(self, opened: Opened) -> None:
        """Write the body behind what is there."""
        response, way, session = opened
        length = response.content_length
        total = None if length is None else length + self._have
        if total is not None and total > self._cap:
            raise too_large(self._place, self._cap)
        inflater = inflater_of(response, self._place, raw=not session.auto_decompress)
        if "Content-Encoding" in response.headers:
            self._etag = ""  # a range counts packed bytes
        tally = sessions.ledger(session).tally(str(way.origin))
        meter = Meter(self._call, tally, total, self._have)
        await self._spool.restart(self._have)
        try:
            if inflater is None and takeover.possible(response):
                await self._receive(response, meter)
            else:
                await self._stream(response, meter, inflater)
        except FOREIGN:
            await self._written()  # what has come is kept for a range
            raise
        await self._written()

    async def _receive(self, response: "aiohttp.ClientResponse", meter: Meter) -> None:
        try:
            await takeover.take_over(
                response, self._spool, meter, self._timeout.within(self._call).read
            )
        finally:
            self._have = meter.received

    async def _stream(
        self, response: "aiohttp.ClientResponse", meter: Meter, inflater: Inflater | None
    ) -> None:
        read = response.content.readchunk  # a piece as it was received, never joined
        while True:
            piece, is_chunk_end = await read()
            if not piece:
                if is_chunk_end:
                    continue
                break
            meter.add(len(piece))
            for part in (piece,) if inflater is None else inflater.feed(piece):
                self._have += len(part)
                if self._have > self._cap:
                    raise too_large(self._place, self._cap)
                if self._spool.add(part):
                    await self._spool.write()
        if inflater is not None:
            inflater.end()

    async def _written(self) -> None:
        await self._spool.write()
        await self._spool.settle()

    async def _compared(self) -> Failed | None:
        """Hold what was written against the digest."""
        if self._digest is None:
            return None
        found = await asyncio.to_thread(_digest, self._file)
        if found == self._digest:
            return None
        self._have = 0
        return Failed(
            TransportError(
                f"The file from {self._place} does not match its checksum; ask again.",
                provider=self._call.provider,
            ),
            again=True,
        )


def _digest(file: BufferedRandom) -> str:
    file.flush()
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
