"""What the front end of this kernel can show."""

import os
import sys
from importlib import import_module


def shows_widgets() -> bool:
    """Whether it shows widgets of ours; else text takes their place.

    `MEDIATOOLKIT_WIDGETS=plain` says that it does not. Colab shows those of other packages only
    after a call that loads them from a server, and a kernel without anywidget has none.
    """
    if os.environ.get("MEDIATOOLKIT_WIDGETS") == "plain" or "google.colab" in sys.modules:
        return False
    return all(_can_import(name) for name in ("anywidget", "ipywidgets"))


def _can_import(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True
