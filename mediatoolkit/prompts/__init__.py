"""What to make: immutable, validated descriptions."""

from mediatoolkit.prompts.base import LARGEST_SEED, LONGEST_TEXT, Prompt
from mediatoolkit.prompts.image import ImagePrompt, Size
from mediatoolkit.prompts.speech import SpeechPrompt
from mediatoolkit.prompts.video import VideoPrompt

__all__ = [
    "LARGEST_SEED",
    "LONGEST_TEXT",
    "ImagePrompt",
    "Prompt",
    "Size",
    "SpeechPrompt",
    "VideoPrompt",
]
