"""Every foreign error has its words."""

import inspect
import socket
import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp import client_exceptions, http_exceptions

from mediatoolkit.errors import DeadlineError, TransportError, UnsafeURLError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.transport.exceptions import FOREIGN, is_loss, translate, was_hung_up

PLACE = "api.example.com:443"


def foreign_classes() -> list[type[BaseException]]:
    found = [
        each
        for module in (client_exceptions, http_exceptions)
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, Exception) and each is not aiohttp.WSMessageTypeError  # no websockets
    ]
    return [*found, OSError, ConnectionResetError, socket.gaierror, ssl.SSLError, TimeoutError]


def because(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def bare(kind: type[BaseException], **facts: Any) -> BaseException:
    """An instance without the constructor, which differs from class to class."""
    error = kind.__new__(kind)
    for name, value in facts.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize("kind", sorted(set(foreign_classes()), key=str))
def test_the_map_is_total(kind: type[BaseException]) -> None:
    error = bare(kind)

    said = translate(error, PLACE, CallContext(1), Timeout())

    assert isinstance(error, FOREIGN)
    assert isinstance(said, TransportError)
    assert PLACE in str(said)
    assert str(said).endswith(".")
    assert is_loss(error) in {True, False}
    assert was_hung_up(error) in {True, False}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (bare(aiohttp.ClientConnectorDNSError, _os_error=socket.gaierror()), "no address"),
        (bare(aiohttp.ClientConnectorError, _os_error=OSError(111, "x")), "connection refused"),
        (aiohttp.ServerDisconnectedError(), "closed the connection"),
        (aiohttp.ClientPayloadError("http://secret?key"), "cut short"),
        (aiohttp.InvalidURL("http://secret?key"), "cannot be written"),
        (OSError(101, "Network is unreachable"), "network is unreachable"),
        (aiohttp.ClientError("http://secret?key"), "broke"),
        (because(aiohttp.ClientOSError(None, "x"), ConnectionResetError("secret")), "closed"),
        (because(aiohttp.ClientOSError(None, "x"), OSError(113, "secret")), "no route to host"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_words_name_the_trouble_and_nothing_else(error: BaseException, words: str) -> None:
    said = str(translate(error, PLACE, CallContext(1), Timeout()))

    assert words in said
    assert "secret" not in said


def test_time_that_ran_out_names_the_setting() -> None:
    connecting = translate(
        aiohttp.ConnectionTimeoutError(), PLACE, CallContext(1), Timeout(connect=3)
    )
    silent = translate(aiohttp.SocketTimeoutError(), PLACE, CallContext(1), Timeout(read=2))

    assert isinstance(connecting, DeadlineError)
    assert "3 s" in str(connecting)
    assert "Timeout(connect=" in str(connecting)
    assert "2 s" in str(silent)
    assert "Timeout(read=" in str(silent)


def test_a_refused_look_up_stays_an_unsafe_url() -> None:
    error = bare(aiohttp.ClientConnectorDNSError, _os_error=UnsafeURLError("not public"))

    assert isinstance(translate(error, PLACE, CallContext(1), Timeout()), UnsafeURLError)
    assert not is_loss(error)


def test_a_bad_certificate_is_not_tried_again() -> None:
    assert not is_loss(bare(aiohttp.ClientConnectorCertificateError))


@pytest.mark.parametrize(
    ("error", "hung_up"),
    [
        (aiohttp.ServerDisconnectedError(), True),
        (ConnectionResetError(104, "x"), True),
        (aiohttp.ClientOSError(32, "x"), True),
        (because(aiohttp.ClientOSError(None, "x"), ConnectionResetError("closing")), True),
        (because(aiohttp.ClientConnectionError("x"), BrokenPipeError(32, "x")), True),
        (because(aiohttp.ClientConnectionError("x"), ZeroDivisionError()), False),
        (aiohttp.SocketTimeoutError(), False),
        (aiohttp.ClientConnectionError("listener failed"), False),
        (aiohttp.ClientPayloadError(), False),
        (TimeoutError(), False),
    ],
)
def test_only_a_close_of_the_other_side_counts_as_hanging_up(
    error: BaseException,
    hung_up: bool,  # noqa: FBT001 - a table's column
) -> None:
    assert was_hung_up(error) is hung_up
