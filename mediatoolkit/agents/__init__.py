"""Clients, defaults and a store behind one verb: `generate`."""

from mediatoolkit.agents.base import Agent
from mediatoolkit.agents.image import ImageGenAgent
from mediatoolkit.agents.video import VideoGenAgent
from mediatoolkit.agents.voice import VoiceAgent

__all__ = ["Agent", "ImageGenAgent", "VideoGenAgent", "VoiceAgent"]
