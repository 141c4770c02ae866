"""From a model id to the client that serves it, and which is taken when nobody chooses.

Clients are named in entry points, ours as well as those of other packages. Only the one that is
looked up is imported, and one that cannot be loaded is in nobody else's way.
"""

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError, UnknownModelError, visible
from mediatoolkit.providers import keys
from mediatoolkit.providers.base import Client
from mediatoolkit.providers.capabilities import ModelInfo

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

LOCAL = "local"
ORDER = {
    "gemini": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "openai": ("OPENAI_API_KEY",),
    "elevenlabs": ("ELEVENLABS_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "together": ("TOGETHER_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "bfl": ("BFL_API_KEY",),
    "fal": ("FAL_KEY",),
    "replicate": ("REPLICATE_API_TOKEN",),
    "huggingface": ("HF_TOKEN",),
    "openai-compatible": ("OPENAI_COMPATIBLE_BASE_URL",),
    "automatic1111": ("AUTOMATIC1111_BASE_URL",),
    "comfyui": ("COMFYUI_BASE_URL",),
    "diffusers": (),
}
"""The vendors in the order in which a default is chosen, with the variables of a key or address.

The first one with a key or address is taken, then plug-ins by name; diffusers is never taken
unasked. Without a key, a client is not even imported: the first picture of the local engine waits
for no vendor.
"""

VARIABLES = {
    "mediatoolkit.images": "MEDIATOOLKIT_IMAGE",
    "mediatoolkit.speech": "MEDIATOOLKIT_SPEECH",
    "mediatoolkit.videos": "MEDIATOOLKIT_VIDEO",
}
"""Environment variables that name models, with commas between, by group of entry points."""

_KINDS = {
    "mediatoolkit.images": "images",
    "mediatoolkit.speech": "speech",
    "mediatoolkit.videos": "videos",
}

_OWN = "mediatoolkit."
_PLUG_INS = ""

_FOREIGN = (Exception, SystemExit)
"""What a plug-in may raise: anything, but it must not end the kernel."""

C = TypeVar("C", bound=Client[Any, Any])


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken when a call names no model.

    Attributes:
        model_ids: Whom to ask, the first one first; the others when it cannot help.
        reason: Why, as the second half of a sentence: `"GEMINI_API_KEY is set"`.
        is_configured: Whether somebody chose it.
    """

    model_ids: tuple[str, ...]
    reason: str
    is_configured: bool = False


def client_for(model_id: str, kind: type[C], **options: Any) -> C:
    """A client for `vendor/model`, or for a vendor's default model when only it is named.

    Args:
        model_id: Whom to ask.
        kind: What the client makes, such as `ImageClient`.
        options: For the client's constructor.

    Raises:
        UnknownModelError: No installed provider serves it; names those that are.
    """
    client, (_, model) = class_for(model_id, kind), split_id(model_id)
    if model:
        options["model"] = model
    return client(**options)


def class_for(model_id: object, kind: type[C]) -> type[C]:
    """The class that serves `vendor/model`, of which the vendor alone is looked at and will do.

    Raises:
        UnknownModelError: No installed provider serves it, which names what was probably meant; or
            its package cannot be loaded.
    """
    vendor, _ = split_id(model_id)
    installed = _installed(kind.entry_points)
    if vendor not in installed:
        raise UnknownModelError(_unknown(str(model_id), kind))
    loaded = _loaded(installed[vendor])
    if isinstance(loaded, str):
        raise UnknownModelError(loaded)
    if not isinstance(loaded, type) or not issubclass(loaded, kind):
        raise UnknownModelError(
            f"{_package(installed[vendor])} names {installed[vendor].value} for {vendor}, which is "
            f"no {kind.__name__}; tell its authors."
        )
    return loaded


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


def _unknown(model_id: str, kind: type[Client[Any, Any]]) -> str:
    """That nobody serves *model_id* here, and what was probably meant."""
    vendor, _ = split_id(model_id)
    makes = [name for group, name in _KINDS.items() if vendor in _installed(group)]
    if makes:
        return (
            f"{vendor} makes no {_KINDS[kind.entry_points]} here, but {' and '.join(makes)}; "
            f"for {_KINDS[kind.entry_points]} there are {_known(kind)}."
        )
    start = f"No installed provider is called {quoted(vendor)}; "
    near = _near(model_id, kind)
    if near:
        return f"{start}did you mean {' or '.join(map(quoted, near))}?"
    return f"{start}a model id is vendor/model, and the vendors here are {_known(kind)}."


def _near(model_id: str, kind: type[Client[Any, Any]]) -> list[str]:
    """Model ids that end as *model_id* does, else its own with the name of a vendor mended."""
    vendor, model = split_id(model_id)
    ending = f"/{model_id.casefold()}"
    ids = [info.model_id for name in vendors(kind) for info in models_of(name, kind)]
    same = [each for each in ids if model_id and each.casefold().endswith(ending)]
    names = get_close_matches(vendor.casefold(), vendors(kind), n=1)
    return same[:3] or [f"{name}/{model}".rstrip("/") for name in names]


def _known(kind: type[Client[Any, Any]]) -> str:
    return ", ".join(sorted(_installed(kind.entry_points)))


def choose(kind: type[Client[Any, Any]], model_ids: str | Iterable[str] | None) -> None:
    """Take *model_ids* from now on where a call names no model; None leaves it to the order.

    Args:
        kind: What the clients make, such as `ImageClient`.
        model_ids: One, or several, of which the next is asked when one cannot help.

    Raises:
        PromptError: There is none among them.
        UnknownModelError: No installed provider serves one; nothing is changed.
    """
    if model_ids is None:
        _chosen.pop(kind.entry_points, None)
        return
    _chosen[kind.entry_points] = checked_ids(kind, model_ids)


def checked_ids(kind: type[Client[Any, Any]], model_ids: object) -> tuple[str, ...]:
    """Model ids, each of an installed provider; at least one.

    Raises:
        PromptError: There is none.
        UnknownModelError: No installed provider serves one.
    """
    is_one = isinstance(model_ids, str) or not isinstance(model_ids, Iterable)
    several = (model_ids,) if is_one else tuple(cast("Iterable[object]", model_ids))
    if not several:
        raise PromptError("Give a model id, or several; None takes the first vendor with a key.")
    for model_id in several:
        class_for(model_id, kind)
    return cast("tuple[str, ...]", several)


def default_choice(kind: type[Client[Any, Any]]) -> Choice:
    """What is taken when a call names no model.

    That is what `choose` was told, else what the environment names, else the first of `vendors`
    whose key or address is set, else the local engine.
    """
    group = kind.entry_points
    if group in _chosen:
        return Choice(_chosen[group], "it was configured", is_configured=True)
    variable = VARIABLES.get(group, "")
    named = tuple(filter(None, map(str.strip, os.environ.get(variable, "").split(","))))
    if named:
        return Choice(named, f"{variable} names it", is_configured=True)
    for vendor in vendors(kind):
        is_hopeless = vendor in ORDER and keys.find(ORDER[vendor]) is None
        place = "" if vendor == LOCAL or is_hopeless else key_place(vendor, kind)
        if place and not models_of(vendor, kind)[0].reason:  # else it has no usual model
            return Choice((vendor,), place)
    return Choice((LOCAL,), "no vendor's key is set")


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
    default, _ = split_id(default_choice(kind).model_ids[0])
    default_first = sorted(vendors(kind), key=lambda name: name != default)
    listed = [info for name in default_first for info in models_of(name, kind)]
    return sorted(listed, key=lambda info: bool(info.reason))


def models_of(vendor: str, kind: type[Client[Any, Any]]) -> list[ModelInfo]:
    """The models of one vendor; of one that cannot be loaded its name, with the reason."""
    try:
        return _listed(class_for(vendor, kind))
    except UnknownModelError as error:
        return [ModelInfo(vendor, reason=str(error))]
    except _FOREIGN as error:
        return [ModelInfo(vendor, reason=_trouble(_installed(kind.entry_points)[vendor], error))]


def _listed(client: type[Client[Any, Any]]) -> list[ModelInfo]:
    infos = list(client.models())
    if not infos or not all(isinstance(info, ModelInfo) for info in infos):
        raise TypeError("models() has to list ModelInfo, and one at least")
    return infos


def key_place(vendor: str, kind: type[Client[Any, Any]]) -> str:
    """Where the key of *vendor* is; empty without one, and, with a warning, where it fails."""
    try:
        return class_for(vendor, kind).key_place()
    except UnknownModelError as error:
        trouble = str(error)
    except _FOREIGN as error:
        trouble = _trouble(_installed(kind.entry_points)[vendor], error)
    _warn(trouble)
    return ""


def is_free(vendor: str, kind: type[Client[Any, Any]]) -> bool:
    """Whether what *vendor* makes costs nothing; not where its package fails."""
    try:
        return class_for(vendor, kind).is_free
    except UnknownModelError:
        return False


@cache
def _warn(trouble: str) -> None:
    warnings.warn(trouble, RuntimeWarning, stacklevel=4)


@cache
def _loaded(entry: "EntryPoint") -> Any:
    """What an entry point names, or a sentence that says why it cannot be had."""
    try:
        return entry.load()
    except _FOREIGN as error:
        return _trouble(entry, error)


def _trouble(entry: "EntryPoint", error: BaseException) -> str:
    reason = visible(f"{type(error).__name__}: {error}", 200, one_line=True)
    return f"{_package(entry)} offers {entry.name}, but fails ({reason}); update or remove it."


def _package(entry: "EntryPoint") -> str:
    distribution = entry.dist
    return (
        f"The package {distribution.name} {distribution.version}" if distribution else entry.value
    )


@cache
def _installed(group: str) -> "dict[str, EntryPoint]":
    """What is installed, by the vendor's name, in the order of preference."""
    from importlib.metadata import entry_points  # 6 ms that a client made by hand does without

    # Of two entries with one name the later stays, so no plug-in takes the place of our own.
    own_last = sorted(entry_points(group=group), key=lambda entry: entry.value.startswith(_OWN))
    by_name: dict[str, EntryPoint] = {}
    for entry in own_last:
        other = by_name.get(entry.name)
        if other is not None and not entry.value.startswith(_OWN):
            _warn(f"{_package(other)} offers {entry.name}, too; {_package(entry)} is used.")
        by_name[entry.name] = entry
    ranks = {name: rank for rank, name in enumerate((*ORDER, _PLUG_INS, LOCAL))}
    names = sorted(by_name, key=lambda name: (ranks.get(name, ranks[_PLUG_INS]), name))
    return {name: by_name[name] for name in names}


_chosen: dict[str, tuple[str, ...]] = {}
