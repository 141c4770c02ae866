"""The embedded engine as clients like any other: no key, no network."""

from mediatoolkit.providers.local.image import LocalImageClient

__all__ = ["LocalImageClient"]
