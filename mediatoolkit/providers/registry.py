"""From a model id to the client that serves it; only the one asked for is imported."""

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mediatoolkit.checks import quoted
from mediatoolkit.errors import UnknownModelError
from mediatoolkit.providers.base import Client
from mediatoolkit.providers.capabilities import ModelInfo

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

LOCAL = "local"
ORDER = ("gemini", "openai")
"""Who is asked when nobody chooses: the first of these whose key is set, then plug-ins by name."""

_OWN = "mediatoolkit."
_PLUG_INS = ""

C = TypeVar("C", bound=Client[Any, Any])


def client_for(model_id: str, kind: type[C], **options: Any) -> C:
    """A client for `vendor/model`, or for a vendor's default model when only it is named.

    Args:
        model_id: Whom to ask.
        kind: What the client makes, such as `ImageClient`.
        options: For the client's constructor.

    Raises:
        UnknownModelError: No installed provider serves it; names those that are.
    """
    vendor, model = split_id(model_id)
    if model:
        options["model"] = model
    return client_class(vendor, kind)(**options)


def split_id(model_id: object) -> tuple[str, str]:
    """The vendor and the model of `vendor/model`; the model is empty when only a vendor is named.

    Raises:
        UnknownModelError: It is no text.
    """
    if not isinstance(model_id, str):
        raise UnknownModelError(
            f'A model id is text, such as "{LOCAL}/painter", not {type(model_id).__name__}.'
        )
    vendor, _, model = model_id.partition("/")
    return vendor, model


def client_class(vendor: str, kind: type[C]) -> type[C]:
    """The class with which *vendor* makes that kind of media.

    Raises:
        UnknownModelError: No installed provider does.
    """
    installed = _installed(kind.entry_points)
    if vendor not in installed:
        known = ", ".join(sorted(installed))
        raise UnknownModelError(
            f"No installed provider is called {quoted(vendor)}; a model id is vendor/model, "
            f"and the vendors here are {known}."
        )
    return cast("type[C]", _loaded(installed[vendor]))


def default_vendor(kind: type[Client[Any, Any]]) -> str:
    """The first of `vendors` whose key is set; without any, the local engine."""
    for name, entry in _installed(kind.entry_points).items():
        if name != LOCAL and _loaded(entry).has_key():
            return name
    return LOCAL


def vendors(kind: type[Client[Any, Any]]) -> list[str]:
    """Names of the installed vendors that make that kind of media, in the order of preference.

    Our own come first, as `ORDER` has them, so that a plug-in never takes the place of one; the
    local engine comes last.
    """
    return list(_installed(kind.entry_points))


def models(kind: type[Client[Any, Any]]) -> list[ModelInfo]:
    """The models of all installed vendors that make that kind of media; sends nothing.

    Returns:
        The one that is used when nobody chooses first, what cannot be used now last.
    """
    default = default_vendor(kind)
    default_first = sorted(vendors(kind), key=lambda name: name != default)
    listed = [info for name in default_first for info in client_class(name, kind).models()]
    return sorted(listed, key=lambda info: bool(info.reason))


@cache
def _loaded(entry: "EntryPoint") -> Any:
    return entry.load()


@cache
def _installed(group: str) -> "dict[str, EntryPoint]":
    """What is installed, by the vendor's name, in the order of preference."""
    from importlib.metadata import entry_points  # 6 ms that a client made by hand does without

    # Of two entries with one name the later stays, so no plug-in takes the place of our own.
    own_last = sorted(entry_points(group=group), key=lambda entry: entry.value.startswith(_OWN))
    by_name = {entry.name: entry for entry in own_last}
    ranks = {name: rank for rank, name in enumerate((*ORDER, _PLUG_INS, LOCAL))}
    names = sorted(by_name, key=lambda name: (ranks.get(name, ranks[_PLUG_INS]), name))
    return {name: by_name[name] for name in names}
