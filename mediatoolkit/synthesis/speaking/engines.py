"""The two speech models: words to waves."""

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mediatoolkit.errors import MediaError, MissingExtraError
from mediatoolkit.media.samples import resampled
from mediatoolkit.synthesis.speaking.voices import LocalVoice

SAMPLE_RATE = 24_000
_LONGEST = 400  # phonemes at once; its work grows with the square
_loading = threading.Lock()


def speak_with_hibari(
    text: str, voice: LocalVoice, *, speed: float, seed: list[int], pause: Callable[[], None]
) -> npt.NDArray[np.float32]:
    """Say one sentence with the package hibari-tts.

    One model is loaded for the whole process and shared by its threads.

    Args:
        text: English.
        voice: Whose voice.
        speed: 1 is the voice's own pace.
        seed: Of the breath in the voice.
        pause: Called between parts of a long sentence; may raise.

    Returns:
        Samples, one channel; empty when there is nothing to say.
    """
    model = load()
    breath = np.random.default_rng(seed)
    waves = [np.zeros(0, np.float32)]
    for phonemes in model.phonemize(text):
        for part in textwrap.wrap(phonemes, _LONGEST, break_on_hyphens=False):
            pause()
            waves.append(_wave(model, part, voice, speed, breath))
    return np.concatenate(waves)


def _wave(
    model: Any, phonemes: str, voice: LocalVoice, speed: float, breath: np.random.Generator
) -> npt.NDArray[np.float32]:
    """A bent voice is made at another pitch and pace, and then played at another rate."""
    from hibari import dsp

    ids = np.asarray([model.ids(phonemes)], np.int64)
    pace = np.asarray([speed * voice.pace / voice.body], np.float32)
    *spectrum, melody = (part[0] for part in model.sess.run(None, {"ids": ids, "speed": pace}))
    wave = dsp.synth(*spectrum, melody * (voice.pitch / voice.body), breath)[:, None]
    return resampled(wave, SAMPLE_RATE, SAMPLE_RATE / voice.body)[:, 0]


def load() -> Any:
    """Return the speech model; the first call takes seconds."""
    with _loading:
        return _loaded()


def is_loaded() -> bool:
    """Whether the speech model is in memory."""
    return _loaded.cache_info().currsize > 0


@cache
def _loaded() -> Any:
    from hibari import Hibari

    model = Hibari(voice="heart", threads=1)
    model.g2p.oov("hello")  # loads its own parts, which it would otherwise do in any thread
    return model


_PICO_RATE = 16_000
_LOOK = 0.1  # seconds between two checks whether the sound is still wanted
_MARKS = str.maketrans("<>", "  ")  # Pico takes what stands between them for commands
_SAY = """
import sys
sys.path.insert(0, sys.argv[1])
from py_nanotts import NanoTTS
text = sys.stdin.buffer.read().decode()
sound = NanoTTS().speak(text, voice=sys.argv[2], speed=float(sys.argv[3]), volume=0.5)
sys.stdout.buffer.write(sound)
"""  # at full volume it clips


def speak_with_pico(
    text: str, voice: LocalVoice, *, speed: float, rate: int, pause: Callable[[], None]
) -> npt.NDArray[np.float32]:
    """Say one sentence with SVOX Pico, by the package py-nanotts.

    The package holds the interpreter's lock while it speaks, its sound depends on what the process
    said before, and after odd text it may hang. So each sentence is said by a process of its own:
    the same words always sound the same, nothing waits, and a cancel ends it at once.

    Args:
        text: In the voice's language.
        voice: Whose voice.
        speed: 1 is the voice's own pace.
        rate: Hertz of the sound to return.
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
    folder = str(Path(package.origin).parents[1])
    command = [sys.executable, "-I", "-S", "-c", _SAY, folder, voice.language, f"{speed:g}"]
    pcm = _output_of(command, text.translate(_MARKS).encode(), pause)
    if pcm is None:
        raise MediaError(f"The voice {voice.name} broke off; write the sentence in another way.")
    wave = np.frombuffer(pcm, "<i2").astype(np.float32)[:, None] / np.float32(32768)
    return resampled(wave, _PICO_RATE, rate)[:, 0] if len(wave) else wave[:, 0]


def _output_of(command: list[str], text: bytes | None, pause: Callable[[], None]) -> bytes | None:
    """What a process writes about *text*, or None when it failed; it never outlives this call."""
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet) as child:  # noqa: S603
        try:
            while True:
                pause()
                try:
                    sound, _ = child.communicate(text, timeout=_LOOK)
                except subprocess.TimeoutExpired:
                    text = None  # the process has it now
                    continue
                return sound if child.returncode == 0 else None
        finally:
            child.kill()
