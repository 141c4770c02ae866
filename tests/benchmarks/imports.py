"""What an import costs in a fresh interpreter, with and without compiled bytecode."""

import json
import os
import subprocess
import sys
import tempfile

IMPORTS = {
    "mediatoolkit": "import mediatoolkit",
    "mediatoolkit, with an agent": (
        "import mediatoolkit as mt; mt.ImageGenAgent(mt.GeminiImageClient(api_key='k'))"
    ),
    "aiohttp": "import aiohttp",
    "requests": "import requests",
}
HEAVY = ("aiohttp", "numpy", "PIL", "IPython", "ipywidgets", "anywidget", "requests", "pydantic")

_TIMED = f"""
import sys, time
start = time.perf_counter()
{{statement}}
spent = time.perf_counter() - start
print([spent * 1000, [name for name in {HEAVY} if name in sys.modules]])
"""


def imported(name: str) -> dict[str, float | str]:
    """Milliseconds warm and cold, and the heavy modules that come along."""
    with tempfile.TemporaryDirectory() as nothing_compiled:
        cold, _ = _run(name, {"PYTHONPYCACHEPREFIX": nothing_compiled})
    warm, loaded = _run(name, {})
    return {"warm": warm, "cold": cold, "heavy": ", ".join(loaded) or "none"}


def _run(name: str, settings: dict[str, str]) -> tuple[float, list[str]]:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _TIMED.format(statement=IMPORTS[name])],
        stdout=subprocess.PIPE,
        env={**os.environ, **settings},
        text=True,
        check=True,
    )
    milliseconds, loaded = json.loads(done.stdout.replace("'", '"'))
    return milliseconds, loaded
