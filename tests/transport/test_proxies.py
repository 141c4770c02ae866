"""Behind a proxy: who is asked through it, who knows its password, and what is said of it."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.transport import Transport, sessions
from mediatoolkit.transport.exceptions import translate
from mediatoolkit.transport.guard import Origin
from mediatoolkit.transport.proxy import proxy_for
from mediatoolkit.transport.route import Route
from tests.transport.conftest import KEY
from tests.transport.proxying import NAMES, ProxyServer, names_context, proxying
from tests.transport.server import Server, body, hang_up, head, picture, raw, said, serving
from tests.transport.test_leaks import everything_about
from tests.transport.test_takeover import FILM

Make = Callable[..., Transport]
VENDOR = "http://vendor.example"
SAFE_VENDOR = "https://vendor.example"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "mediatoolkit_proxy")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """One without proxies, in which the names of the tests have a certificate."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(NAMES))
    yield monkeypatch
    mt.configure(proxy="env")


@pytest.fixture
async def files() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture
async def safe() -> AsyncIterator[Server]:
    """The vendor, by TLS."""
    async with serving(names_context()) as server:
        yield server


@pytest.fixture
async def proxy(server: Server, files: Server) -> AsyncIterator[ProxyServer]:
    """Leads to the two plain servers."""
    async with proxying({"vendor.example": server.port, "files.example": files.port}) as one:
        yield one


@pytest.fixture
async def tunnel(safe: Server) -> AsyncIterator[ProxyServer]:
    """Leads to the vendor by TLS."""
    async with proxying({"vendor.example": safe.port, "files.example": safe.port}) as one:
        yield one


def body_of(content: bytes, status: int) -> bytes:
    return head(status, Content_Type="text/html", Content_Length=len(content)) + content


async def post(transport: Transport) -> Any:
    async with CallContext(10) as context:
        return await transport.post("/x", {"a": 1}, context)


async def fails(work: Any, kind: type[Exception] = mt.TransportError) -> Any:
    with pytest.raises(kind) as caught:
        await work
    return caught.value


# Who is asked through it


@pytest.mark.parametrize(
    "name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "MEDIATOOLKIT_PROXY"]
)
async def test_a_call_goes_through_the_proxy_of_the_environment(
    server: Server, proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server.then(picture())
    monkeypatch.setenv(name, proxy.url)

    await post(make(base_url=VENDOR))

    assert proxy.lines == ["POST http://vendor.example/x HTTP/1.1"]
    assert server.requests[0].path == "/x"
    assert server.requests[0].headers["x-acme-key"] == KEY


async def test_https_goes_through_a_tunnel_in_which_the_proxy_sees_nothing(
    safe: Server, tunnel: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe.then(picture())
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    transport = make(base_url=SAFE_VENDOR)

    await post(transport)
    await post(transport)

    assert tunnel.lines == ["CONNECT vendor.example:443 HTTP/1.1"]
    assert KEY not in tunnel.heads[0]
    assert [seen.headers["x-acme-key"] for seen in safe.requests] == [KEY, KEY]


async def test_a_variable_that_is_set_later_counts(
    server: Server, proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.then(said({}))
    await post(make())
    monkeypatch.setenv("http_proxy", proxy.url)
    transport = make(base_url=VENDOR)

    await post(transport)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    await fails(post(transport))
    mt.configure(proxy=proxy.url)
    await post(transport)

    assert len(proxy.lines) == 2


async def test_a_proxy_that_is_configured_comes_first(
    server: Server, proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.then(said({}))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("MEDIATOOLKIT_PROXY", "http://127.0.0.1:9")
    mt.configure(proxy=proxy.url)

    await post(make(base_url=VENDOR))
    await post(make())  # a host of this machine, too, since it was named on purpose

    assert len(proxy.lines) == 2


@pytest.mark.parametrize("switch", ["none", "None", "configure"])
async def test_it_can_be_switched_off(
    server: Server, make: Make, monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    server.then(said({}))
    mt.configure(proxy="http://127.0.0.1:9")
    if switch == "configure":
        mt.configure(proxy=None)
    else:
        monkeypatch.setenv("MEDIATOOLKIT_PROXY", switch)
        mt.configure(proxy="env")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert proxy_for(Origin.of(VENDOR)) is None
    await post(make())


@pytest.mark.parametrize("names", [["HTTP_PROXY", "HTTPS_PROXY"], ["MEDIATOOLKIT_PROXY"]])
async def test_this_machine_is_asked_without_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    for name in names:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for url in ("http://localhost:1", "http://127.1", "https://[::1]", "http://a.localhost"):
        assert proxy_for(Origin.of(url)) is None

    async with (
        mt.Simulator(detail=64) as simulator,
        mt.GeminiImageClient("test-key", base_url=simulator.url) as client,
    ):
        assert (await client.generate(mt.ImagePrompt("fox"))).width


@pytest.mark.parametrize(
    ("names", "is_through"),
    [
        ("vendor.example", False),
        (".example", False),
        ("example", False),
        ("other.org, VENDOR.example", False),
        ("vendor.example:80", False),
        ("*", False),
        ("other.org, *", False),
        ("*.example", False),
        ("vendor.example.", False),
        ("*.other.org", True),
        ("*endor.example", True),
        ("vendor.example:443", True),
        ("endor.example", True),
        ("10.0.0.0/8", True),
        ("", True),
    ],
)
def test_no_proxy_is_read_as_is_usual(
    monkeypatch: pytest.MonkeyPatch,
    names: str,
    is_through: bool,  # noqa: FBT001 - a table's column
) -> None:
    monkeypatch.setenv("NO_PROXY", names)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert bool(proxy_for(Origin.of(VENDOR))) is is_through
    mt.configure(proxy="http://127.0.0.1:9")
    assert bool(proxy_for(Origin.of(VENDOR))) is is_through


def test_no_proxy_may_name_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "10.0.0.0/8,fd00::/8")
    assert proxy_for(Origin.of("http://10.1.2.3:8080")) is None
    assert proxy_for(Origin.of("http://[fd00::1]")) is None
    assert proxy_for(Origin.of("http://11.1.2.3")) is not None


def test_a_lower_case_variable_comes_first_and_may_be_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:2")
    assert str(proxy_for(Origin.of(VENDOR))).startswith("127.0.0.1:2, which http_proxy")
    monkeypatch.setenv("http_proxy", "")
    assert proxy_for(Origin.of(VENDOR)) is None


def test_a_header_of_a_visitor_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert proxy_for(Origin.of(VENDOR)) is None


async def test_the_verbs_work_behind_a_proxy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "test-key")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", VENDOR)
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path))
    async with mt.Simulator(detail=64, looks=1) as simulator, proxying({}) as proxy:
        proxy.ports = {"vendor.example": Origin.of(simulator.url).port}
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        fox = await mt.image("a fox", model="gemini/gemini-3.1-flash-image")
        calls = len(proxy.lines)
        film = await mt.video("a fox", model="gemini/gemini-omni-1.2-flash")
        await mt.close()

    assert fox.width
    assert film.seconds
    assert len(proxy.lines) > calls > 0


async def test_a_download_and_where_it_is_redirected_go_through_the_proxy(
    server: Server,
    files: Server,
    proxy: ProxyServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server.then(raw(head(302, Location="http://files.example/film", Content_Length=0)))
    files.then(body(FILM))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)

    path = await mt.download(f"{VENDOR}/film", tmp_path / "film.bin")
    await sessions.close()

    assert path.read_bytes() == FILM
    assert [line.split()[1] for line in proxy.lines] == [
        "http://vendor.example/film",
        "http://files.example/film",
    ]


async def test_a_large_film_comes_through_a_tunnel(
    safe: Server, tunnel: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    safe.then(raw(head(302, Location="https://files.example/film", Content_Length=0)), body(FILM))
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    transport = make(base_url=SAFE_VENDOR)

    async with CallContext(20) as context:
        await transport.download(f"{SAFE_VENDOR}/film", tmp_path / "film.mp4", context)

    assert (tmp_path / "film.mp4").read_bytes() == FILM
    assert [seen.headers.get("x-acme-key") for seen in safe.requests] == [KEY, None]
    assert [line.split()[1] for line in tunnel.lines] == ["vendor.example:443", "files.example:443"]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/x",
        "http://10.0.0.1/x",
        "http://2130706433/x",
        "http://[::1]/x",
        "http://localhost:{port}/x",
        "http://router/x",
        "http://metadata.google.internal/x",
        "http://printer.local/x",
    ],
)
async def test_nobody_leads_a_proxy_to_a_private_place(
    server: Server, proxy: ProxyServer, make: Make, tmp_path: Path, target: str
) -> None:
    location = target.format(port=server.port)
    server.then(raw(head(302, Location=location, Content_Length=0)))
    mt.configure(proxy=proxy.url)

    async with CallContext(10) as context:
        await fails(
            make(base_url=VENDOR).download(f"{VENDOR}/film", tmp_path / "f", context),
            mt.UnsafeURLError,
        )

    assert len(proxy.lines) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_way_to_the_proxy_may_be_safe_itself(
    *,
    server: Server,
    safe: Server,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    scheme: str,
) -> None:
    loopback = NAMES.with_name("loopback.pem")
    (tmp_path / "both.pem").write_bytes(NAMES.read_bytes() + loopback.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(loopback)
    vendor = server if scheme == "http" else safe
    vendor.then(said({}))
    async with proxying({"vendor.example": vendor.port}, tls) as proxy:
        mt.configure(proxy=proxy.url)
        await post(make(base_url=f"{scheme}://vendor.example"))
        await sessions.close()

    assert len(proxy.lines) == len(vendor.requests) == 1


# A session of the user's own


async def test_a_session_of_ones_own_keeps_to_its_settings(server: Server, make: Make) -> None:
    server.then(said({}))
    mt.configure(proxy="http://127.0.0.1:9")
    async with aiohttp.ClientSession() as session:
        await post(make(session=session))
    assert len(server.requests) == 1


@pytest.mark.parametrize("setting", ["trust_env", "proxy"])
async def test_a_redirect_keeps_to_the_proxy_of_a_session_of_ones_own(
    *,
    server: Server,
    files: Server,
    proxy: ProxyServer,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    setting: str,
) -> None:
    server.then(raw(head(302, Location="http://files.example/film", Content_Length=0)))
    files.then(body(FILM))
    mt.configure(proxy=None)
    options: dict[str, Any] = {"trust_env": True}
    if setting == "proxy":
        options = {"proxy": proxy.url}
    else:
        monkeypatch.setenv("http_proxy", proxy.url)

    async with (
        aiohttp.ClientSession(headers={"x-mine": "1"}, **options) as session,
        CallContext(20) as context,
    ):
        transport = make(base_url=VENDOR, session=session)
        await transport.download(f"{VENDOR}/film", tmp_path / "film.mp4", context)

    assert (tmp_path / "film.mp4").read_bytes() == FILM
    assert len(proxy.lines) == 2
    assert "x-mine" in server.requests[0].headers
    assert "x-mine" not in files.requests[0].headers


# Its password


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_proxy_alone_gets_its_password(
    server: Server,
    safe: Server,
    proxy: ProxyServer,
    make: Make,
    scheme: str,
) -> None:
    seen = server if scheme == "http" else safe
    seen.then(said({}))
    proxy.ports = {"vendor.example": seen.port}
    proxy.login = "me:pa ss/w%rd@é"
    mt.configure(proxy=f"http://me:pa%20ss%2Fw%25rd%40%C3%A9@127.0.0.1:{proxy.port}")
    transport = make(base_url=f"{scheme}://vendor.example")

    await post(transport)
    await post(transport)

    assert len(seen.requests) == 2
    assert not [each for one in seen.requests for each in one.headers if "proxy" in each]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("login", ["", "me:wr0ng-s3cret@"])
async def test_a_login_that_is_wanted_is_told_and_none_is_shown(
    proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch, scheme: str, login: str
) -> None:
    proxy.login = "me:other"
    name = f"{scheme.upper()}_PROXY"
    monkeypatch.setenv(name, f"http://{login}127.0.0.1:{proxy.port}")

    error = await fails(post(make(base_url=f"{scheme}://vendor.example")), mt.MediaToolkitError)

    assert name in str(error)
    assert "user name and password" in str(error) or "user:password" in str(error)
    assert "key" not in str(error)
    assert not isinstance(error, mt.AuthenticationError)
    assert not error.may_have_been_billed
    assert len(proxy.lines) == 1
    assert "s3cret" not in everything_about(error)


async def test_a_password_that_comes_back_is_masked(
    proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://me:wr0ng-s3cret@127.0.0.1:{proxy.port}")
    token = "bWU6d3IwbmctczNjcmV0"
    page = f"<html><title>wr0ng-s3cret of {token}</title>".encode()
    for content, kind in (
        (page, "text/html"),
        (b"no wr0ng-s3cret " + token.encode(), "text/plain"),
    ):
        proxy.refusals = [head(403, Content_Type=kind, Content_Length=len(content)) + content]
        error = await fails(post(make(base_url=VENDOR)), mt.ProviderError)
        assert "[key]" in str(error)
        assert "s3cret" not in everything_about(error)
        assert token not in everything_about(error)


# What is said


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_dead_proxy_is_named_and_its_password_is_not(
    make: Make, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        monkeypatch.setenv("ALL_PROXY", f"http://me:s3cret@127.0.0.1:{port}")
        error = await fails(post(make(base_url=f"{scheme}://vendor.example")))

    assert f"The proxy 127.0.0.1:{port}, which ALL_PROXY names, cannot be reached" in str(error)
    assert "mt.configure(proxy=None)" in str(error)
    assert not error.may_have_been_billed
    assert "s3cret" not in everything_about(error)


async def test_a_proxy_that_never_answers_is_waited_for_as_for_a_connection(make: Make) -> None:
    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(stay, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    mt.configure(proxy=f"http://127.0.0.1:{port}")
    transport = make(base_url=SAFE_VENDOR, timeout=Timeout(connect=0.1), retry=mt.Retry(attempts=1))
    async with silent:
        error = await fails(post(transport), mt.DeadlineError)
        await sessions.close()

    assert f"The proxy 127.0.0.1:{port}, which mt.configure(proxy=...) names," in str(error)
    assert "took no connection within 0.1 s" in str(error)
    assert not error.may_have_been_billed


@pytest.mark.parametrize(
    "said_first",
    [b"", b"HTTP/1.1 200 Conn", head(), head() + b"<html>", body_of(b"<html>", 200)],
    ids=["nothing", "half a line", "a way", "a way and a page", "a page"],
)
async def test_a_proxy_that_dies_over_a_tunnel_is_told_and_asked_again(
    make: Make, monkeypatch: pytest.MonkeyPatch, said_first: bytes
) -> None:
    asked = 0

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said_first)
        writer.close()

    dying = await asyncio.start_server(die, "127.0.0.1", 0)
    port = dying.sockets[0].getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    transport = make(base_url=SAFE_VENDOR, retry=mt.Retry(attempts=2, base=0.001))
    async with dying:
        error = await fails(post(transport))
        await sessions.close()

    assert f"roxy 127.0.0.1:{port}, which HTTPS_PROXY names," in str(error)
    assert "cannot be reached" not in str(error)
    assert not error.may_have_been_billed
    assert asked == 2


async def test_a_proxy_that_gives_no_way_is_told(
    proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    proxy.refusals = [head(403, Content_Length=0)]

    error = await fails(post(make(base_url=SAFE_VENDOR)))

    assert "gave no way to vendor.example:443 (status 403)" in str(error)
    assert "HTTPS_PROXY" in str(error)
    assert len(proxy.lines) == 1


async def test_a_proxy_that_has_no_way_just_now_is_asked_again(
    safe: Server, tunnel: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe.then(said({}))
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    tunnel.refusals = [head(502, Content_Length=0)]

    await post(make(base_url=SAFE_VENDOR))

    assert len(tunnel.lines) == 2
    assert len(safe.requests) == 1


async def test_a_lost_answer_names_the_proxy_that_was_on_the_way(
    server: Server, proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    server.then(hang_up())

    error = await fails(post(make(base_url=VENDOR, retry=mt.Retry(attempts=1))))

    assert "which HTTP_PROXY names, was on the way" in str(error)


@pytest.mark.parametrize(
    ("variables", "configured", "words"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, None, "HTTPS_PROXY is set, but mt.configure(proxy=None)"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "vendor.example"}, "env", "NO_PROXY names this"),
        ({"NO_PROXY": "*"}, "http://p:1", "mt.configure(proxy=...) is set, but NO_PROXY names"),
        ({"http_proxy": "http://p:1"}, "env", "http_proxy is set, but holds for other addresses"),
        ({"ALL_PROXY": "http://p:1"}, "env", "ALL_PROXY is set, but was not used here"),
        ({}, "env", "network."),
    ],
)
def test_no_address_names_the_proxy_that_is_set_and_not_used(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], configured: str | None, words: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    mt.configure(proxy=configured)

    way = Route(Origin.of(SAFE_VENDOR))
    error = translate(socket.gaierror(), way.origin.place, CallContext(1), Timeout(), way)

    assert str(error).startswith("There is no address for vendor.example:443")
    assert words in str(error)


def test_a_session_of_ones_own_is_told_how_to_use_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://p:1")
    way = Route(Origin.of(SAFE_VENDOR), is_ours=False)
    error = translate(socket.gaierror(), way.origin.place, CallContext(1), Timeout(), way)
    assert "HTTPS_PROXY is set, but a session= of your own" in str(error)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "http://",
            "http://:80",
            "http://a:b:c",
            "http://a:99999",
            "ftp://a:1",
            "proxy",
            "://a",
        ),
        *(
            "a b:80",
            "http://a/path",
            "http://a?x",
            "http://a\x1b:80",
            "http://me:s3cret@",
            "me:s3cret",
        ),
        "me:s3cret#x@a",
    ],
)
async def test_a_bad_address_is_told_at_once_and_not_shown(
    make: Make, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    with pytest.raises(
        mt.UnsafeURLError, match=r"mt.configure\(proxy=...\) takes http://"
    ) as caught:
        mt.configure(proxy=address)
    assert "s3cret" not in str(caught.value)
    frames = everything_about(caught.value).partition("in configure")[2]
    assert "s3cret" not in frames

    if address:
        monkeypatch.setenv("HTTP_PROXY", address)
        error = await fails(post(make(base_url=VENDOR)), mt.UnsafeURLError)
        assert "HTTP_PROXY takes http://" in str(error)
        assert "s3cret" not in everything_about(error)


async def test_a_socks_proxy_is_told_apart(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("socks5", "SOCKS5h", "socks4", "socks"):
        with pytest.raises(mt.UnsafeURLError, match="SOCKS"):
            mt.configure(proxy=f"{scheme}://127.0.0.1:1080")
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    error = await fails(post(make(base_url=VENDOR)))
    assert "all_proxy names a SOCKS proxy" in str(error)


def test_a_setting_that_is_refused_changes_nothing() -> None:
    mt.configure(proxy="http://127.0.0.1:1")
    with pytest.raises(mt.MediaToolkitError):
        mt.configure(proxy=8)  # type: ignore[arg-type]
    assert proxy_for(Origin.of(VENDOR)) is not None
    with pytest.raises(TypeError):
        mt.configure(prxy=None)  # type: ignore[call-arg]


# Trust


async def test_a_certificate_file_that_is_named_later_counts(
    safe: Server, tunnel: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe.then(said({}))
    mt.configure(proxy=tunnel.url)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    transport = make(base_url=SAFE_VENDOR)
    error = await fails(post(transport))
    assert "name the file of its root in SSL_CERT_FILE" in str(error)

    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(NAMES))
        await post(transport)
        monkeypatch.delenv(name)
        await sessions.close()

    assert len(safe.requests) == 2


async def test_a_folder_of_certificates_counts(
    safe: Server, tunnel: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    safe.then(said({}))
    mt.configure(proxy=tunnel.url)
    (tmp_path / "45530808.0").write_text(NAMES.read_text())  # by OpenSSL's hash of its name
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    await post(make(base_url=SAFE_VENDOR))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "SSL_CERT_FILE names a file that cannot be read"),
        (b"no certificate", "SSL_CERT_FILE names a file that holds no certificates"),
    ],
)
async def test_a_certificate_file_that_is_bad_is_told_and_read_again_when_it_is_mended(
    *,
    safe: Server,
    tunnel: ProxyServer,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: bytes | None,
    words: str,
) -> None:
    safe.then(said({}))
    mt.configure(proxy=tunnel.url)
    file = tmp_path / "roots.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    transport = make(base_url=SAFE_VENDOR)

    error = await fails(post(transport))
    assert words in str(error)
    file.write_bytes(NAMES.read_bytes())
    await post(transport)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SSL_CERT_FILE": "."}, "SSL_CERT_FILE names a folder and takes a file"),
        ({"SSL_CERT_DIR": "none"}, "SSL_CERT_DIR names a folder that cannot be found"),
        ({"SSL_CERT_DIR": f".{os.pathsep}none"}, "SSL_CERT_DIR does not vouch for it"),
        ({"REQUESTS_CA_BUNDLE": "none"}, "REQUESTS_CA_BUNDLE names a file that cannot be read"),
        (
            {"SSL_CERT_FILE": str(NAMES.with_name("loopback.pem")), "REQUESTS_CA_BUNDLE": "none"},
            "REQUESTS_CA_BUNDLE names a file that cannot be read",
        ),
    ],
    ids=["a folder", "no folder", "two folders", "no file", "the worse of two"],
)
async def test_the_variable_that_is_wrong_is_named(
    *,
    tunnel: ProxyServer,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
    words: str,
) -> None:
    mt.configure(proxy=tunnel.url)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SSL_CERT_FILE")
    for name, place in variables.items():
        monkeypatch.setenv(name, place)

    assert words in str(await fails(post(make(base_url=SAFE_VENDOR))))


async def test_another_file_than_the_right_one_is_named(
    tunnel: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    mt.configure(proxy=tunnel.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(NAMES.with_name("loopback.pem")))

    error = await fails(post(make(base_url=SAFE_VENDOR)))

    assert "SSL_CERT_FILE does not vouch for it" in str(error)


async def test_a_certificate_of_another_host_is_no_matter_of_roots(
    safe: Server, make: Make
) -> None:
    error = await fails(post(make(base_url=f"https://127.0.0.1:{safe.port}")))
    assert "check the address" in str(error)
    assert safe.requests == []


@pytest.mark.parametrize(
    ("greeting", "is_proxied"),
    [(b"HTTP/1.1 400 Bad\r\n\r\n", False), (b"SSH-2.0-x\r\n", True)],
)
async def test_https_to_a_plain_port_asks_whether_it_is_https(
    make: Make,
    greeting: bytes,
    is_proxied: bool,  # noqa: FBT001 - a table's column
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(10)
            writer.write(greeting)
        finally:
            writer.close()

    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = plain.sockets[0].getsockname()[1]
    async with plain, proxying({}) as proxy:
        mt.configure(proxy=proxy.url if is_proxied else None)
        transport = make(base_url=f"https://127.0.0.1:{port}", retry=mt.Retry(attempts=1))
        error = await fails(post(transport))

    assert "Is this https" in str(error)
    assert ("was on the way" in str(error)) is is_proxied
    assert "cannot be reached" not in str(error)


def test_checking_cannot_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    from mediatoolkit.transport.route import trust

    context = asyncio.run(trust())

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


# Not the vendor

PAGE = b"<!DOCTYPE html><html><title>Sign\x1b in</title>Please sign in.</html>"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 451, 511])
async def test_a_page_for_people_is_not_the_vendors_word(
    server: Server, make: Make, status: int
) -> None:
    server.then(body(PAGE, status, Content_Type="text/html"))
    refusals: list[object] = []

    error = await fails(post(make(read_error=refusals.append)), mt.ProviderError)

    assert refusals == []
    assert type(error) is mt.ProviderError
    assert error.family == "protocol"
    assert error.status == status
    assert f'127.0.0.1:{server.port} answered with an HTML page titled "Sign in"' in str(error)
    assert "key" not in str(error)


async def test_a_page_names_the_proxy_that_was_on_the_way(
    proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    for answer in (body_of(PAGE, 403), body_of(PAGE, 502), head(502, Content_Length=0)):
        proxy.refusals = [answer]
        error = await fails(
            post(make(base_url=VENDOR, retry=mt.Retry(attempts=1))), mt.ProviderError
        )
        assert "which HTTP_PROXY names, was on the way" in str(error)


async def test_a_page_in_place_of_an_answer_is_told_apart(
    proxy: ProxyServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    proxy.refusals = [body_of(PAGE, 200)]

    error = await fails(post(make(base_url=VENDOR)), mt.ProviderError)

    assert "vendor.example:80 answered with an HTML page (status 200)" in str(error)
    assert "which HTTP_PROXY names, was on the way" in str(error)
    assert error.may_have_been_billed
    assert len(proxy.lines) == 1


async def test_a_407_is_a_matter_of_the_proxy_whatever_it_says(server: Server, make: Make) -> None:
    server.then(said({"error": {"message": "key"}}, 407))
    error = await fails(post(make()), mt.ProviderError)
    assert "A proxy on the way wants a user name" in str(error)
    assert error.family == "transport"


async def test_what_is_too_large_says_what_to_do(server: Server, make: Make) -> None:
    server.then(said({}, 413))
    assert "Send less" in str(await fails(post(make()), mt.ProviderError))
