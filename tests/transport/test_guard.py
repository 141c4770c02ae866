import pytest

from mediatoolkit.errors import UnsafeURLError
from mediatoolkit.transport.guard import (
    Origin,
    check_addresses,
    check_stranger,
    checked_base,
    is_public,
    redirect_target,
    safe_url,
)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://127.0.0.1:1/prefix/v1/", "http://127.0.0.1:1/prefix/v1"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_a_base_url_may_be_private_and_have_a_prefix(url: str, kept: str) -> None:
    assert checked_base(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "https://user:pass@example.com",
        "https://example.com/?key=1",
        "https://example.com/#x",
        "https://example.com\n",
        "https://exa mple.com",
        "https://example.com:0",
        "https://example.com:70000",
        "https://example.com\\@evil.example",
        "https://",
        None,
        b"https://example.com",
    ],
)
def test_anything_else_is_no_base_url(url: object) -> None:
    with pytest.raises(UnsafeURLError, match=r"base_url=|plain http"):
        checked_base(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "nonsense",
    ],
)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "64:ff9b::808:808"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://user@8.8.8.8/",
        "http://8.8.8.8@127.0.0.1/",
        "http://8.8.8.8\\@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://8.8.8.8/",
        "data:text/plain,x",
        "//8.8.8.8/",
        "http://8.8.8.8/\r\nHost: evil",
        "http:///x",
    ],
)
def test_a_strangers_url_is_refused_by_its_text(url: str) -> None:
    with pytest.raises(UnsafeURLError):
        check_stranger(url)


def test_a_strangers_public_url_passes() -> None:
    assert check_stranger("https://cdn.example.com/a.png?sig=x") == Origin(
        "https", "cdn.example.com", 443
    )


def test_one_private_address_among_many_is_enough_to_refuse() -> None:
    check_addresses("cdn.example.com", ["8.8.8.8", "2606:4700::1"])
    for bad in ([], ["8.8.8.8", "10.0.0.1"]):
        with pytest.raises(UnsafeURLError, match="not public"):
            check_addresses("cdn.example.com", bad)


def test_a_redirect_never_goes_from_https_to_http() -> None:
    assert redirect_target("https://a.example/x/y", "../z") == "https://a.example/z"
    assert redirect_target("http://a.example/", "https://b.example/") == "https://b.example/"
    with pytest.raises(UnsafeURLError):
        redirect_target("https://a.example/", "http://a.example/")
    with pytest.raises(UnsafeURLError):
        redirect_target("https://a.example/", "javascript:alert(1)")


def test_a_shown_address_has_no_query_and_no_password() -> None:
    assert safe_url("https://u:pw@host/path?key=secret#frag") == "'https://host/path'"
