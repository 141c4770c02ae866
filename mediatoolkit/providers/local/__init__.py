"""The embedded engine as clients like any other: no key, no network."""

from mediatoolkit.providers.local.image import LocalImageClient
from mediatoolkit.providers.local.speech import LocalSpeechClient
from mediatoolkit.providers.local.video import LocalVideoClient

__all__ = ["LocalImageClient", "LocalSpeechClient", "LocalVideoClient"]
