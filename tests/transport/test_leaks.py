"""The key, and where it must not be."""

import asyncio
import base64
import io
import logging
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.transport import ErrorResponse, Limits, Transport, error_by_status
from tests.transport.conftest import KEY
from tests.transport.server import Server, body, hang_up, head, raw, reset, said, silence

Make = Callable[..., Transport]
FORMS = (
    KEY,
    quote(KEY, safe=""),
    base64.b64encode(KEY.encode()).decode().rstrip("="),
    base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
)
ECHO = f"bad key {KEY} or {FORMS[1]} or {FORMS[2]}"

FAULTS: dict[str, Any] = {
    "echo in a 400": said({"error": {"message": ECHO}}, 400),
    "echo in a 401": said({"error": {"message": ECHO}}, 401),
    "echo in a 429": said({"error": {"message": ECHO}}, 429, Retry_After="100"),
    "echo in a 500": body(ECHO.encode(), 500),
    "escaped echo": body(b'{"m": "\\u0041' + KEY[1:].encode() + b'"}', 400),
    "echo in the request id": said({}, 400, X_Request_Id=KEY[:8]),
    "redirect": body(b"", 302, Location="http://127.0.0.1/"),
    "not json": body(ECHO.encode()),
    "bad base64": said({"data": "!"}),
    "too large": body(b"a" * 2000),
    "cut": hang_up(head(Content_Length=1000) + b"{"),
    "reset": reset(head()),
    "closed": hang_up(),
    "nonsense": hang_up(b"nonsense\r\n\r\n"),
    "bad chunk": hang_up(head(Transfer_Encoding="chunked") + b"zz\r\n"),
    "bad packing": body(b"?", Content_Encoding="gzip"),
    "silence": silence(),
    "silence after the head": silence(head(Content_Length=10)),
}


def everything_about(error: BaseException) -> str:
    """Traceback with locals, of the whole chain, and all that the error itself says."""
    shown = io.StringIO()
    traceback.TracebackException.from_exception(error, capture_locals=True).print(file=shown)
    return f"{shown.getvalue()}\n{error!r}\n{error!s}\n{vars(error)!r}"


def assert_hidden(text: str) -> None:
    for form in FORMS:
        assert form not in text


def echoing(refusal: ErrorResponse) -> Any:
    """A careless provider, which quotes the body as it comes."""
    return error_by_status(refusal, f"{refusal.text} {refusal.document}")


@pytest.mark.parametrize("name", FAULTS)
async def test_no_failure_shows_the_key(
    server: Server, make: Make, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.then(FAULTS[name])
    transport = make(
        limits=Limits(json=1000), timeout=Timeout(read=0.2), read_error=echoing, auth_prefix="Key "
    )

    with pytest.raises(MediaToolkitError) as caught:
        async with CallContext(5) as context:
            await transport.post("/x", {"a": 1}, context)

    error = caught.value
    assert_hidden(everything_about(error))
    assert_hidden(caplog.text)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert all(
        "aiohttp" not in frame.filename for frame in traceback.extract_tb(error.__traceback__)
    )


async def test_the_deadline_does_not_show_the_key(server: Server, transport: Transport) -> None:
    server.then(silence())

    with pytest.raises(MediaToolkitError) as caught:
        async with CallContext(0.2) as context:
            await transport.post("/x", {"a": 1}, context)

    assert_hidden(everything_about(caught.value))


@pytest.mark.parametrize("told", [b"", head(Content_Length=10)], ids=["waiting", "receiving"])
async def test_a_cancel_does_not_show_the_key(
    server: Server, transport: Transport, told: bytes
) -> None:
    server.then(silence(told))

    async def work() -> None:
        async with CallContext(5) as context:
            await transport.post("/x", {"a": 1}, context)

    task = asyncio.create_task(work())
    while not server.requests:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    task.cancel()

    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert_hidden(everything_about(caught.value))
    assert all(
        "aiohttp" not in frame.filename
        for frame in traceback.extract_tb(caught.value.__traceback__)
    )


async def test_a_download_that_fails_does_not_show_its_query(
    server: Server, transport: Transport, tmp_path: Any
) -> None:
    server.then(raw(head(403, Content_Length=0)))

    with pytest.raises(MediaToolkitError) as caught:
        async with CallContext(5) as context:
            await transport.download(server.url + "/f?signature=s3cret", tmp_path / "f", context)

    assert "s3cret" not in f"{caught.value} {caught.value!r}"
    assert_hidden(everything_about(caught.value))


def test_a_transport_shows_its_address_alone(transport: Transport) -> None:
    assert repr(transport).startswith("Transport('http://127.0.0.1:")
    assert_hidden(repr(transport) + repr(vars(transport)))
