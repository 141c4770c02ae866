"""How a call uses the cache, and what decides where the call does not say."""

import os
from difflib import get_close_matches
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError

CacheWord = bool | Literal["refresh", "only"] | None
"""What `cache=` takes; None leaves it to who is asked next."""

_WORDS = ("refresh", "only")
_MEANT = dict.fromkeys(("on", "yes", "true", "1"), True) | dict.fromkeys(
    ("off", "no", "false", "0", "none"), False
)
_VARIABLE = "MEDIATOOLKIT_CACHE"


class CacheMode(Enum):
    """What `cache=` may say. The value is the word for it."""

    OFF = False
    ON = True
    REFRESH = "refresh"
    ONLY = "only"

    @property
    def reads(self) -> bool:
        """Whether what is kept is handed out."""
        return self in {CacheMode.ON, CacheMode.ONLY}

    @classmethod
    def of(cls, word: object, name: str = "cache") -> "CacheMode":
        """Read a word.

        Args:
            word: False, True, `"refresh"` or `"only"`.
            name: Of the keyword, for the message.

        Raises:
            PromptError: It is something else; says what there is.
        """
        for mode in cls:
            if type(word) is type(mode.value) and word == mode.value:
                return mode
        small = word.lower() if isinstance(word, str) else ""
        near = [_MEANT[small]] if small in _MEANT else get_close_matches(small, _WORDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else "it takes False, True, 'refresh', 'only'."
        raise PromptError(f"{name}={quoted(word)} is no way to use the cache; {hint}")


TYPED_WORDS: Final = MappingProxyType({mode.name.lower(): mode.value for mode in CacheMode})
"""What `cache=` takes, by the words for it where all is text, as on a command line."""


class CacheSettings:
    """What a call does that says nothing of the cache; the only place that decides it.

    The call's own word counts first, then that of its agent, then `default`, then the environment
    variable `MEDIATOOLKIT_CACHE` (`1`, `0`, `refresh` or `only`), which is read for each call.
    Without any of them nothing is read and nothing is kept.
    """

    def __init__(self) -> None:
        """Leave it to the environment."""
        self._default: CacheMode | None = None

    @property
    def default(self) -> bool | str | None:
        """The word that counts in this process; None leaves it to the environment."""
        return None if self._default is None else self._default.value

    @default.setter
    def default(self, word: object) -> None:
        self._default = None if word is None else CacheMode.of(word, "default")

    def mode(self, *words: object) -> CacheMode:
        """Return what the first of *words* says that is not None, else what counts for all.

        Raises:
            PromptError: It is no word for the cache.
        """
        stated = [CacheMode.of(word) for word in words if word is not None]
        return stated[0] if stated else self._default or _mode_of_environment()


settings: Final = CacheSettings()
"""The settings of this process."""


def _mode_of_environment() -> CacheMode:
    word = os.environ.get(_VARIABLE, "").strip()
    modes = {"": CacheMode.OFF, "0": CacheMode.OFF, "1": CacheMode.ON}
    modes |= {mode.value: mode for mode in CacheMode if isinstance(mode.value, str)}
    if word not in modes:
        raise PromptError(
            f"The environment variable {_VARIABLE} is {quoted(word)}; "
            "set it to 1, 0, refresh or only."
        )
    return modes[word]
