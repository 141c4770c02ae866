"""The agent for pictures."""

from mediatoolkit.agents.base import Agent
from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient


class ImageGenAgent(Agent[ImagePrompt, Image]):
    """Makes pictures."""

    client_type = ImageClient
    kind = "image"
    reads = frozenset({"references", "mask", "previous"})
