"""The steps of the embedded engines, as phrases that a person knows."""

import sys
from importlib import import_module

from mediatoolkit.providers.local.workers import Progress
from mediatoolkit.runtime.events import Drawing, Loading
from mediatoolkit.runtime.workers import Tell

SPOKEN = 0.15
"""The part of a film's work that speaking its narration takes."""

_ENGINES = {
    "mediatoolkit.synthesis.painting.painter": "the painter",
    "mediatoolkit.synthesis.filming.film": "the film engine",
}

_PHRASES = {
    "words": "reading the prompt",
    "mount fuji": "drawing Mount Fuji",
    "galaxy": "drawing the Milky Way",
    "deep": "drawing the water",
    "print": "printing",
    "carving": "carving the print",
    "paper": "trimming the paper",
    "wash": "laying the wash",
    "brush": "brushing",
    "ink": "inking",
    "seal": "stamping the seal",
    "pixels": "setting the pixels",
    "pull": "finishing",
    "done": "finishing",
    "film": "filming",
}
"""What is not said as `drawing the ...`."""


def phrase(step: str) -> str:
    """A step as a person says it, such as `drawing the castle` or `scene 2: drawing the sky`."""
    scene, colon, of_scene = step.partition(": ")
    if colon:
        return f"{scene}: {phrase(of_scene)}"
    if step.startswith("picture "):
        return f"filming {step}"
    return _PHRASES.get(step, f"drawing the {step}")


def drawing(tell: Tell) -> Progress:
    """Tell the phrase of the current step and the share that is done, 0 to 1, as `Drawing`."""
    return lambda step, fraction: tell(Drawing(phrase(step), fraction))


def load(engine: str, tell: Tell) -> None:
    """Import the module *engine*, and say so when it is not in memory yet; blocks."""
    if engine not in sys.modules:
        tell(Loading(_ENGINES[engine]))
        import_module(engine)
