"""Which roots are trusted: those of the system, or of the files that the user names."""

import asyncio
import contextlib
import os
import ssl
import threading
from pathlib import Path

NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""OpenSSL's own two, which take the place of the system's files, and one that is added."""

_NEEDS_ROOT = {18, 19, 20, 21}  # X509_V_ERR_…: signed by nobody that is known here
_DATES = {9, 10}  # not yet valid, expired

_State = tuple[tuple[str, float, int] | None, ...]

_lock = threading.Lock()
_latest: tuple[_State, ssl.SSLContext] | None = None


async def trust() -> ssl.SSLContext:
    """Settings for TLS by the variables and files of this moment, for a request that starts now.

    Reading all roots takes some 50 ms, so it is done in a thread, and again only after a change.
    """
    latest = _latest
    if latest is not None and latest[0] == _state():
        return latest[1]
    return await asyncio.to_thread(_read)


def advice(error: ssl.SSLError) -> str:
    """The next step after a handshake that failed with *error*."""
    code = getattr(error, "verify_code", None)
    if code in _DATES:
        return "check the clock of this machine"
    if code not in _NEEDS_ROOT:
        return "check the address"
    places = {name: os.environ[name] for name in NAMES if os.environ.get(name)}
    if not places:
        return "if a company's own authority signs here, name the file of its root in SSL_CERT_FILE"
    flaws = {name: _flaw(name, place) for name, place in places.items()}
    flawed = next((name for name, flaw in flaws.items() if flaw), None)
    name = flawed or next(iter(places))
    return f"{name} {flaws[name] or 'does not vouch for it'}; correct it"


def _read() -> ssl.SSLContext:
    global _latest  # noqa: PLW0603 - one process has one environment
    with _lock:
        state = _state()
        if _latest is None or _latest[0] != state:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            bundle = os.environ.get("REQUESTS_CA_BUNDLE")
            if bundle:
                with contextlib.suppress(OSError):  # `advice` names it where it is missed
                    _add(context, bundle)
            _latest = state, context
        return _latest[1]


def _add(context: ssl.SSLContext, place: str) -> None:
    if Path(place).is_dir():
        context.load_verify_locations(capath=place)
    else:
        context.load_verify_locations(cafile=place)


def _state() -> _State:
    return tuple(_facts(os.environ.get(name)) for name in NAMES)


def _facts(place: str | None) -> tuple[str, float, int] | None:
    """What changes with a file, so that one put right under its old name is read again."""
    if not place:
        return None
    try:
        facts = os.stat(place)  # noqa: PTH116 - takes whatever somebody set
    except (OSError, ValueError):
        return place, 0.0, 0
    return place, facts.st_mtime, facts.st_size


def _flaw(name: str, place: str) -> str:
    """What is wrong with *place*, the file or folder that the variable *name* has, or `""`."""
    if name == "SSL_CERT_DIR":  # OpenSSL takes several, and passes over what is missing
        is_there = any(Path(folder).is_dir() for folder in place.split(os.pathsep))
        return "" if is_there else "names a folder that cannot be found"
    if name == "SSL_CERT_FILE" and Path(place).is_dir():
        return "names a folder and takes a file; SSL_CERT_DIR takes folders"
    try:
        _add(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), place)
    except ssl.SSLError:
        return "names a file that holds no certificates in PEM form"
    except (OSError, ValueError):
        return "names a file that cannot be read"
    return ""
