"""Speech on its way to the page, while the rest of it is made."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mediatoolkit.runtime.events import Event, Sounding

MOST = 128_000
"""Bytes in one message; a server forwards about a megabyte a second."""

MOST_AT_THE_END = 1_000_000
"""Bytes sent at once when the speech is whole; what is beyond is in the player that follows."""


@dataclass(slots=True)
class SoundQueue:
    """Pieces that wait to be sent: all of them, in order, and each once."""

    _waiting: list[Sounding] = field(default_factory=list)
    _last: Event | None = None

    def hear(self, event: Event) -> None:
        """Keep *event* if it is a new piece; the same one may be told twice."""
        if isinstance(event, Sounding) and event is not self._last and event.pcm:
            self._waiting.append(event)
        self._last = event

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    def take(self) -> Sounding:
        """The next pieces of one form as one, at most `MOST` bytes or one frame."""
        first = self._waiting[0]
        frame = 2 * first.channels
        room = max(frame, MOST // frame * frame)
        taken = bytearray()
        while self._waiting and len(taken) < room:
            piece = self._waiting[0]
            if (piece.sample_rate, piece.channels) != (first.sample_rate, first.channels):
                break
            left = room - len(taken)
            taken += piece.pcm[:left]
            if len(piece.pcm) <= left:
                self._waiting.pop(0)
            else:
                rest = piece.pcm[left:]
                self._waiting[0] = Sounding(rest, piece.sample_rate, piece.channels)
        return Sounding(bytes(taken), first.sample_rate, first.channels)

    def rest(self) -> Iterator[Sounding]:
        """What still waits when the speech is whole, up to `MOST_AT_THE_END`."""
        sent = 0
        while self._waiting and sent < MOST_AT_THE_END:
            piece = self.take()
            sent += len(piece.pcm)
            yield piece
