"""From a model id to the client that serves it; only the one asked for is imported."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from mediatoolkit.errors import UnknownModelError
from mediatoolkit.providers.base import ImageClient

IMAGES = "mediatoolkit.images"
LOCAL = "local"


def image_client(model_id: str, **options: Any) -> ImageClient:
    """A client for `vendor/model`, or for a vendor's default model when only it is named.

    Raises:
        UnknownModelError: No installed provider serves it; names those that are.
    """
    vendor, _, model = model_id.partition("/")
    if model:
        options["model"] = model
    return image_client_class(vendor)(**options)


def image_client_class(vendor: str) -> type[ImageClient]:
    """The class that serves *vendor*.

    Raises:
        UnknownModelError: No installed provider does.
    """
    installed = _installed(IMAGES)
    if vendor not in installed:
        known = ", ".join(sorted(installed))
        raise UnknownModelError(
            f"No installed provider is called {vendor!r}; a model id is vendor/model, "
            f"and the vendors here are {known}."
        )
    return cast("type[ImageClient]", installed[vendor].load())


def default_vendor() -> str:
    """The first vendor, by name, whose key is set; without any, the local engine."""
    remote = sorted(name for name in _installed(IMAGES) if name != LOCAL)
    return next((name for name in remote if image_client_class(name).credentials()), LOCAL)


@cache
def _installed(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}
