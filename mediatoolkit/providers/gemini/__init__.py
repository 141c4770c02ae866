"""Google's Gemini Developer API; who asks for pictures does not load speech and film."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mediatoolkit.providers.gemini.image import GeminiImageClient
    from mediatoolkit.providers.gemini.speech import GeminiSpeechClient
    from mediatoolkit.providers.gemini.video import GeminiVideoClient

__all__ = ["GeminiImageClient", "GeminiSpeechClient", "GeminiVideoClient"]


if not TYPE_CHECKING:  # a type checker takes the names above, and finds a misspelt one

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = name.removeprefix("Gemini").removesuffix("Client").lower()
        return getattr(import_module(f"{__name__}.{module}"), name)
