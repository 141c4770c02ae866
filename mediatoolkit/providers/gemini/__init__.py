"""Google's Gemini Developer API; who asks for pictures does not load speech and film."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mediatoolkit.providers.gemini.image import GeminiImageClient
    from mediatoolkit.providers.gemini.speech import GeminiSpeechClient
    from mediatoolkit.providers.gemini.video import GeminiVideoClient

__all__ = ["GeminiImageClient", "GeminiSpeechClient", "GeminiVideoClient"]

_HOMES = {
    "GeminiImageClient": "image",
    "GeminiSpeechClient": "speech",
    "GeminiVideoClient": "video",
}


if not TYPE_CHECKING:  # a type checker takes the names above, and finds a misspelt one

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
