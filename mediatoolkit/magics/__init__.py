"""`%load_ext mediatoolkit`: cells whose text is a prompt, and one line that looks after them.

`%%image`, `%%speech` and `%%video` (`cells`) start a job as the verbs of the same name do, or say
what it would cost; `%media` (`media_line`) shows models, jobs, money, the cache and settings.
`%%image?` tells what a magic takes.
"""

from typing import Any

from mediatoolkit.magics.cells import MAGICS
from mediatoolkit.magics.completion import matcher_for
from mediatoolkit.magics.media_line import MediaMagic

__all__ = ["register"]


def register(shell: Any) -> None:
    """Register the magics and their completion with IPython's *shell*; may be called again."""
    for magic in MAGICS:
        shell.register_magic_function(magic.function(shell), "cell", magic.name)
    shell.register_magic_function(MediaMagic(shell).media, "line", "media")
    matchers, our_matcher = shell.Completer.custom_matchers, matcher_for(shell)
    matchers[:] = [
        *(matcher for matcher in matchers if matcher.__module__ != our_matcher.__module__),
        our_matcher,
    ]
