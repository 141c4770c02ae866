"""The kinds of media, by the names of the verbs that make them."""

from difflib import get_close_matches
from typing import Any, Final, Literal

from mediatoolkit.agents import Agent, ImageGenAgent, VideoGenAgent, VoiceAgent
from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.habits import KINDS

Kind = Literal["image", "speech", "video"]

AGENTS: Final[dict[Kind, type[Agent[Any, Any]]]] = {
    "image": ImageGenAgent,
    "speech": VoiceAgent,
    "video": VideoGenAgent,
}
"""What makes each kind."""


def checked_kind(kind: object) -> Kind:
    """Return *kind*, which is one of them.

    Raises:
        PromptError: It is none; suggests one.
    """
    if isinstance(kind, str) and kind in AGENTS:
        return kind
    word = kind.lower() if isinstance(kind, str) else ""
    near = [KINDS[word]] if word in KINDS else get_close_matches(word, AGENTS, n=1, cutoff=0.7)
    hint = f"did you mean {quoted(near[0])}?" if near else "it takes 'image', 'speech', 'video'."
    raise PromptError(f"kind={quoted(kind)} is no kind of media; {hint}")
