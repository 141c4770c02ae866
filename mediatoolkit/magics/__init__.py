"""`%load_ext mediatoolkit`: cells whose text is a prompt, and one line that looks after them.

`%%image`, `%%speech` and `%%video` start a job as the verbs of the same name do; `%media` shows
models, jobs, sessions and settings. `%%image?` tells what a magic takes.
"""

from typing import Any

from mediatoolkit.magics.asking import Desk
from mediatoolkit.magics.cells import MAGICS
from mediatoolkit.magics.completing import matcher_for

__all__ = ["register"]


def register(shell: Any) -> None:
    """Teach *shell*, which is IPython's, the magics and how to complete them; again and again."""
    for magic in MAGICS:
        shell.register_magic_function(magic.function(shell), "cell", magic.name)
    shell.register_magic_function(Desk(shell).media, "line", "media")
    matchers, ours = shell.Completer.custom_matchers, matcher_for(shell)
    matchers[:] = [*(each for each in matchers if each.__module__ != ours.__module__), ours]
