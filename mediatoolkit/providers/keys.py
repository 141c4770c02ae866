"""Where a vendor's key is looked for, and what is said when it is nowhere.

The order is: the environment; the secrets of the notebook that runs in Colab or Kaggle; the
system's keyring, where the package `keyring` is installed, under the service `mediatoolkit`; what a
person types, where one can be asked.
"""

import getpass
import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

from mediatoolkit.transport.secret import HiddenText, Secret

SERVICE = "mediatoolkit"
"""Under which the keyring keeps keys, by their names in the environment."""

Ask = Callable[[str], str | None]
"""Shows a line, and returns what a person typed; None where nobody can be asked."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key and where it was found.

    Attributes:
        secret: The key, which shows nothing of itself.
        place: Such as `"in the environment"`.
    """

    secret: Secret
    place: str


def in_environment(names: Sequence[str]) -> Secret | None:
    """The first key of *names* that is set in the environment, or None."""
    return next((Secret(os.environ[name], name) for name in names if os.environ.get(name)), None)


def find(names: Sequence[str]) -> FoundKey | None:
    """The key that goes by one of *names*, or None; asks nobody.

    What the notebook's secrets and the keyring do not have is remembered until `look_again`,
    since they are slow to ask and may want a person's consent.
    """
    secret = in_environment(names)
    if secret is not None:
        return FoundKey(secret, "in the environment")
    for name in names:
        found = _typed.get(name) or _elsewhere(name)
        if found is not None:
            return found
    return None


def look_again() -> None:
    """Forget what the notebook's secrets and the keyring did not have."""
    _elsewhere.cache_clear()


def ask_for(label: str, names: Sequence[str]) -> Secret | None:
    """The key that a person types, kept in memory for this process; None where nobody is asked.

    Args:
        label: The vendor's name.
        names: Of the key; it is kept under the first.
    """
    key = ask(f"{label} needs a key ({names[0]}); it is kept in memory alone: ")
    if not key:
        return None
    secret = Secret(HiddenText(key.strip()), names[0])
    _typed[names[0]] = FoundKey(secret, "what was typed in this session")
    return secret


def typed(names: Sequence[str]) -> tuple[Secret | None, ...]:
    """What was typed under *names* in this process."""
    found = map(_typed.get, names)
    return tuple(each.secret if each else None for each in found)


def places(names: Sequence[str]) -> str:
    """Where a key was looked for, for a message."""
    return (
        f"not in a client's api_key=, not as {' or '.join(names)} in the environment, not among "
        "the secrets of Colab or Kaggle, not in the keyring, and none was typed"
    )


def ask_in_terminal(line: str) -> str | None:
    """Ask the person at the terminal; None where there is none, or it is another thread's turn."""
    is_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    if not is_terminal or threading.current_thread() is not threading.main_thread():
        return None
    try:
        return getpass.getpass(line)
    except (EOFError, OSError):
        return None


ask: Ask = ask_in_terminal
"""Asks a person; a notebook's kernel has a way of its own, which `asks_by` sets."""


def asks_by(way: Ask) -> None:
    """Ask by *way* from now on."""
    global ask  # noqa: PLW0603 - one process has one person in front of it
    ask = way


_typed: dict[str, FoundKey] = {}


@cache
def _elsewhere(name: str) -> FoundKey | None:
    """The key among the notebook's secrets or in the keyring."""
    for look, place in (
        (_in_colab, "a secret of Colab"),
        (_in_kaggle, "a secret of Kaggle"),
        (_in_keyring, "in the keyring"),
    ):
        value = look(name)
        if value:
            return FoundKey(Secret(HiddenText(value), name), place)
    return None


def _in_colab(name: str) -> str | None:
    if "google.colab" not in sys.modules:
        return None
    userdata: Any = importlib.import_module("google.colab.userdata")
    return _quietly(lambda: userdata.get(name))


def _in_kaggle(name: str) -> str | None:
    if "KAGGLE_KERNEL_RUN_TYPE" not in os.environ or not _is_installed("kaggle_secrets"):
        return None
    client: Any = importlib.import_module("kaggle_secrets").UserSecretsClient()
    return _quietly(lambda: client.get_secret(name))


def _in_keyring(name: str) -> str | None:
    if not _is_installed("keyring"):
        return None
    keyring: Any = importlib.import_module("keyring")
    return _quietly(lambda: keyring.get_password(SERVICE, name))


@cache
def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


def _quietly(look: Callable[[], object]) -> str | None:
    """What *look* finds; a service that is locked, absent or without consent has no key."""
    try:
        value = look()
    except Exception:  # noqa: BLE001 - each service has errors of its own, unknown here
        return None
    return value if isinstance(value, str) else None
