"""Google's Gemini Developer API."""

from mediatoolkit.providers.gemini.image import GeminiImageClient

__all__ = ["GeminiImageClient"]
