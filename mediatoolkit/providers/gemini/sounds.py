"""The sound in what Gemini answers: bare samples by their mime type, or a WAV."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance, Sound
from mediatoolkit.media.containers import riff, wav
from mediatoolkit.providers.gemini.answers import candidate_of, parts_of
from mediatoolkit.transport import Response

_BARE = ("audio/l16", "audio/pcm")
_RATE = re.compile(r"rate=([1-9]\d{3,5})")
_CHANNELS = re.compile(r"channels=([12])\b")
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<svg")


class Ear:
    """Makes sound of the pieces of one answer; of a WAV only the first has the head.

    A bare piece may end within a sample; the rest of it comes with the next.
    """

    __slots__ = ("_head", "_rest")

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self._head = self._rest = b""

    def hear(self, inline: Mapping[str, Any]) -> Sound:
        """The sound of one `inlineData`.

        Raises:
            MediaError: It is neither bare samples nor WAV.
        """
        data, mime = bytes(inline["data"]), str(inline.get("mimeType", "")).lower()
        if wav.sniff(data):
            self._head = wav.head_of(data)
            if riff.is_cut(data, riff.read(data)):  # the rest comes with the next pieces
                data = self._head + data[len(self._head) :]
            return _read(data)
        if data[:9].lower().startswith(_PAGES) or not (self._head or mime.startswith(_BARE)):
            raise MediaError(
                f"Gemini sent something as {mime[:60]!r} that is neither bare samples nor WAV.",
                provider="gemini",
                may_have_been_billed=True,
            )
        if self._head:
            return _read(self._head + data)
        found, several = _RATE.search(mime), _CHANNELS.search(mime)
        rate, channels = int(found[1]) if found else 24_000, int(several[1]) if several else 1
        data = self._rest + data
        whole = len(data) - len(data) % (2 * channels)
        self._rest = data[whole:]
        return Sound(data[:whole], rate, channels)


def _read(data: bytes) -> Sound:
    try:
        return Audio(data).sound()
    except MediaError as error:
        error.provider, error.may_have_been_billed = "gemini", True
        raise


def sample(data: bytes, mime_type: str) -> Audio:
    """A whole sound of the catalogue, whatever its form."""
    if not mime_type.lower().startswith(_BARE):
        return Audio(data)
    return whole([Ear().hear({"data": data, "mimeType": mime_type})])


def whole(sounds: Sequence[Sound], provenance: Provenance | None = None) -> Audio:
    """All of *sounds*, one after the other."""
    first = sounds[0]
    return Audio.from_pcm(
        b"".join(sound.pcm for sound in sounds),
        sample_rate=first.sample_rate,
        channels=first.channels,
        provenance=provenance,
    )


def inlines(answer: Response) -> list[dict[str, Any]]:
    """What holds sound in *answer*; an event of a stream may also hold nothing but a count."""
    document = answer.document if isinstance(answer.document, dict) else {}
    feedback = document.get("promptFeedback")
    blocked = isinstance(feedback, dict) and "blockReason" in feedback
    if not (blocked or document.get("candidates")):
        return []
    parts = parts_of(candidate_of(answer), answer)
    found = [part.get("inlineData") for part in parts if not part.get("thought")]
    return [inline for inline in found if isinstance(inline, dict) and inline.get("data")]


def summed(said: Sequence[Response]) -> Response:
    """One answer that says what all *said*: every text, how it ended, what it cost."""
    candidate: dict[str, Any] = {}
    texts: list[dict[str, Any]] = []
    document: dict[str, Any] = {}
    for answer in said:
        if isinstance(answer.document, dict):
            document |= answer.document
            for one in (answer.document.get("candidates") or ())[:1]:
                candidate |= one
                texts += [part for part in parts_of(one, answer) if "text" in part]
    if candidate:
        document["candidates"] = [{**candidate, "content": {"parts": texts}}]
    return replace(said[-1], document=document)
