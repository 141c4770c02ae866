"""What Google says of its picture models, so that known limits fail early.

State of 2026-11-28. A model newer than this table is passed through unchecked: the vendor adds
models monthly, and its own refusal is still typed.
"""

from dataclasses import dataclass

from mediatoolkit.errors import PromptError
from mediatoolkit.prompts import ImagePrompt

DEFAULT = "gemini-3.1-flash-image"

_ASPECTS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_LONG_ASPECTS = (*_ASPECTS, "1:4", "4:1", "1:8", "8:1")
_TIERS = ("1K", "2K", "4K")


@dataclass(frozen=True, slots=True)
class Model:
    """What one model takes."""

    sizes: tuple[str, ...]
    aspects: tuple[str, ...]
    alive: bool = True


MODELS = {
    "gemini-3.1-flash-image": Model(("512", *_TIERS), _LONG_ASPECTS),
    "gemini-3.1-flash-lite-image": Model(("1K",), _ASPECTS),
    "gemini-3-pro-image": Model(_TIERS, _ASPECTS),
    "gemini-nano-banana-2.1": Model(_TIERS, _LONG_ASPECTS),
    "gemini-2.5-flash-image": Model(("1K",), _ASPECTS, alive=False),
}
LIVE = tuple(name for name, model in MODELS.items() if model.alive)


def check_shape(model: str, prompt: ImagePrompt) -> None:
    """Refuse a size or aspect that *model* is known not to take.

    Raises:
        PromptError: Names what it takes.
    """
    if prompt.pixels:
        raise PromptError(
            f"Gemini takes no pixels such as size={prompt.size!r}; give a tier and a shape, as in "
            'size="1K", aspect="4:3".'
        )
    known = MODELS.get(model)
    if known is None:
        return
    if prompt.tier and prompt.tier not in known.sizes:
        raise PromptError(f"{model} does not draw size={prompt.tier!r}; {_one_of(known.sizes)}.")
    if prompt.aspect and prompt.aspect not in known.aspects:
        raise PromptError(
            f"{model} does not draw aspect={prompt.aspect!r}; {_one_of(known.aspects)}."
        )


def _one_of(values: tuple[str, ...]) -> str:
    return f"it draws {', '.join(values)}"
