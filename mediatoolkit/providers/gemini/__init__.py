"""Google's Gemini Developer API."""

from mediatoolkit.providers.gemini.image import GeminiImageClient
from mediatoolkit.providers.gemini.speech import GeminiSpeechClient
from mediatoolkit.providers.gemini.video import GeminiVideoClient

__all__ = ["GeminiImageClient", "GeminiSpeechClient", "GeminiVideoClient"]
