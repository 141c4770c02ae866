"""The second speech model, SVOX Pico: words to waves in six languages, with py-nanotts.

The package holds the interpreter's lock while it speaks, its sound depends on what the process
said before, and after odd text it may hang. So each sentence is said by a process of its own:
the same words always sound the same, nothing waits, and a cancel ends it at once.
"""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mediatoolkit.errors import MediaError, MissingExtraError
from mediatoolkit.media.sound.resample import resampled
from mediatoolkit.synthesis.speaking.voices import Voice

_RATE = 16_000
_LOOK = 0.1  # seconds between two looks whether the sound is still wanted
_MARKS = str.maketrans("<>", "  ")  # Pico takes what stands between for orders
_SAY = """
import sys
sys.path.insert(0, sys.argv[1])
from py_nanotts import NanoTTS
text = sys.stdin.buffer.read().decode()
sound = NanoTTS().speak(text, voice=sys.argv[2], speed=float(sys.argv[3]), volume=0.5)
sys.stdout.buffer.write(sound)
"""  # at full volume it clips


def spoken(
    text: str, voice: Voice, *, speed: float, rate: int, pause: Callable[[], None]
) -> npt.NDArray[np.float32]:
    """Say one sentence.

    Args:
        text: In the voice's language.
        voice: Whose voice.
        speed: 1 is the voice's own pace.
        rate: Hertz of the sound that is wanted.
        pause: Called several times a second; may raise.

    Returns:
        Samples, one channel; empty when there is nothing to say.

    Raises:
        MediaError: The voice broke off.
    """
    package = find_spec("py_nanotts")
    if package is None or package.origin is None:
        raise MissingExtraError(
            f"The voice {voice.name} needs the package py-nanotts, which is not installed: "
            'pip install "mediatoolkit[local]".'
        )
    place = str(Path(package.origin).parents[1])
    command = [sys.executable, "-I", "-S", "-c", _SAY, place, voice.language, f"{speed:g}"]
    said = _said(command, text.translate(_MARKS).encode(), pause)
    if said is None:
        raise MediaError(f"The voice {voice.name} broke off; write the sentence in another way.")
    wave = np.frombuffer(said, "<i2").astype(np.float32)[:, None] / np.float32(32768)
    return resampled(wave, _RATE, rate)[:, 0] if len(wave) else wave[:, 0]


def _said(command: list[str], text: bytes | None, pause: Callable[[], None]) -> bytes | None:
    """What a process answers to *text*, or None when it failed; it never outlives this call."""
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet) as child:  # noqa: S603
        try:
            while True:
                pause()
                try:
                    sound, _ = child.communicate(text, timeout=_LOOK)
                except subprocess.TimeoutExpired:
                    text = None  # it has been handed over
                    continue
                return sound if child.returncode == 0 else None
        finally:
            child.kill()
