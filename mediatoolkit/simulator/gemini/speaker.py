"""How the simulated model speaks: the form of its sound, whole or in pieces."""

import asyncio
import base64
from itertools import pairwise
from typing import Any

from mediatoolkit.simulator.gemini.artist import CONTINUATION
from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.gemini.recital import Recital
from mediatoolkit.simulator.gemini.reply import Reply, sound_part
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.sounds import speak, wav
from mediatoolkit.simulator.vendor import SoundForm

_PIECE = 9600  # bytes: 0.2 seconds
_MIME = {
    "pcm": "audio/L16;codec=pcm;rate=24000",
    "pcm_rfc": "audio/l16; rate=24000; channels=1",
    "wav": "audio/wav",
    "endless_wav": "audio/wav",
}


async def reply(model: Model, recital: Recital, form: SoundForm, *, streamed: bool) -> Reply:
    """HttpResponse *recital*; a stream gets the sound in pieces.

    Raises:
        InvalidError: The token is not ours.
    """
    if recital.token and base64.b64encode(recital.token).decode() != CONTINUATION:
        raise InvalidError("The continuation token is not valid.", "continuation_token")
    sound = await asyncio.to_thread(speak, recital.lines)
    if form in {"wav", "endless_wav"}:
        sound = wav(sound, endless=form == "endless_wav")
    pieces = cut(sound) if streamed else [sound]
    return Reply(model, recital, tuple(_part(form, piece) for piece in pieces))


def cut(sound: bytes) -> list[bytes]:
    """*sound* as a stream brings it, at least two pieces when there are two samples."""
    size = min(_PIECE, max(2, len(sound) // 4 * 2))
    edges = [*range(0, len(sound), size), len(sound)]
    return [sound[start:stop] for start, stop in pairwise(edges)]


def _part(form: SoundForm, sound: bytes) -> dict[str, Any]:
    return sound_part(_MIME[form], sound)
