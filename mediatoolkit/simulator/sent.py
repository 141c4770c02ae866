"""Faults in how the bytes travel: the same for every vendor and for the file host."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, field

from mediatoolkit.simulator.wire import Answer, Ask, Line, split


class Sent(ABC):
    """Base of the faults that change how the bytes travel."""

    __slots__ = ()

    @abstractmethod
    async def send(self, line: Line, ask: Ask) -> None:
        """Send what *ask* answers over *line*, or break the line."""


@dataclass(frozen=True, slots=True)
class Silence(Sent):
    """The request is taken and never answered; the connection stays open."""

    async def send(self, line: Line, _ask: Ask) -> None:
        """Wait."""
        await line.hang()


@dataclass(frozen=True, slots=True)
class Latency(Sent):
    """The whole answer comes after *seconds*."""

    seconds: float

    async def send(self, line: Line, ask: Ask) -> None:
        """Ask, wait, send."""
        answer = await ask()
        await asyncio.sleep(self.seconds)
        await line.send(answer)


@dataclass(frozen=True, slots=True)
class SlowHead(Sent):
    """Status line and headers arrive in ten pieces spread over *seconds*."""

    seconds: float

    async def send(self, line: Line, ask: Ask) -> None:
        """Write the head by hand, then the body at once."""
        answer = await ask()
        head = _head(answer)
        for piece in split(head, (-(-len(head) // 10),) * 10):
            line.raw(piece)
            await asyncio.sleep(self.seconds / 10)
        line.raw(answer.body)
        line.close()


@dataclass(frozen=True, slots=True)
class SlowBody(Sent):
    """The head and half of the body arrive at once, the rest after *seconds*."""

    seconds: float

    async def send(self, line: Line, ask: Ask) -> None:
        """Pause halfway."""
        answer = await ask()
        await line.send(answer, (len(answer.body) // 2,), self.seconds)


@dataclass(frozen=True, slots=True)
class Trickle(Sent):
    """The body arrives bit by bit.

    Attributes:
        pieces: Into how many pieces the body is cut.
        seconds: Over how long they are spread.
    """

    _: KW_ONLY
    pieces: int = 10
    seconds: float = 1.0

    async def send(self, line: Line, ask: Ask) -> None:
        """Pause after each piece."""
        answer = await ask()
        size = -(-len(answer.body) // self.pieces)
        await line.send(answer, (size,) * self.pieces, self.seconds / self.pieces)


@dataclass(frozen=True, slots=True)
class Gate(Sent):
    """The answer stops after its first *pieces* until the gate is opened.

        gate = Gate()
        sim.then(gate)
        ...  # the first event of the stream arrives, and no other
        gate.open()

    Attributes:
        pieces: How many events of a stream pass; 0 holds back the head too.
    """

    pieces: int = 1
    _opened: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)

    def open(self) -> None:
        """Let the rest pass, and whatever meets this gate later; call it in the loop's thread."""
        self._opened.set()

    async def send(self, line: Line, ask: Ask) -> None:
        """Send the first pieces, wait, send the rest."""
        answer = await ask()
        first = split(answer.body, answer.cuts)[: self.pieces]
        if not first:
            await self._opened.wait()
        response = await line.open(answer, len(answer.body))
        for piece in first:
            await response.write(piece)
        await self._opened.wait()
        await response.write(answer.body[sum(map(len, first)) :])
        await line.finish(response)


@dataclass(frozen=True, slots=True)
class CutBeforeHead(Sent):
    """The connection is closed without one byte of answer, *after* seconds."""

    after: float = 0.0

    async def send(self, line: Line, _ask: Ask) -> None:
        """Close."""
        await asyncio.sleep(self.after)
        line.close()


@dataclass(frozen=True, slots=True)
class Reset(Sent):
    """The connection is reset (RST) without one byte of answer, *after* seconds."""

    after: float = 0.0

    async def send(self, line: Line, _ask: Ask) -> None:
        """Reset."""
        await asyncio.sleep(self.after)
        line.reset()


@dataclass(frozen=True, slots=True)
class CutBody(Sent):
    """The connection breaks after *after_bytes* of the promised body: closed, or reset (RST)."""

    after_bytes: int = 100
    _: KW_ONLY
    reset: bool = False

    async def send(self, line: Line, ask: Ask) -> None:
        """Promise all, send a part."""
        answer = await ask()
        response = await line.open(answer, len(answer.body))
        await response.write(answer.body[: self.after_bytes])
        if self.reset:
            await asyncio.sleep(0.05)  # a reset may overtake bytes the peer has not read yet
            line.reset()
        else:
            line.close()


@dataclass(frozen=True, slots=True)
class Truncated(Sent):
    """Well-formed HTTP whose body ends halfway; its length header agrees with it."""

    async def send(self, line: Line, ask: Ask) -> None:
        """Send half as if it were all."""
        answer = await ask()
        half = answer.body[: len(answer.body) // 2]
        await line.send(Answer(half, answer.status, answer.headers))


@dataclass(frozen=True, slots=True)
class WrongLength(Sent):
    """The length header promises *extra* bytes that never come; the connection stays open."""

    extra: int = 10

    async def send(self, line: Line, ask: Ask) -> None:
        """Promise more than there is."""
        answer = await ask()
        response = await line.open(answer, len(answer.body) + self.extra)
        await response.write(answer.body)
        await line.hang()


@dataclass(frozen=True, slots=True)
class MalformedChunk(Sent):
    """A chunked body whose second chunk size is no number; the connection stays open."""

    async def send(self, line: Line, ask: Ask) -> None:
        """Send one good chunk, then a bad one."""
        answer = await ask()
        response = await line.open(Answer(b"", answer.status, answer.headers), None)
        await response.write(answer.body[:20])
        await asyncio.sleep(0.05)  # the head is read before the bad chunk arrives
        line.raw(b"ZZZ\r\n" + answer.body[20:40] + b"\r\n")
        await line.hang()


@dataclass(frozen=True, slots=True)
class MalformedHead(Sent):
    """A status line that is not HTTP."""

    async def send(self, line: Line, _ask: Ask) -> None:
        """Send noise and close."""
        line.raw(b"ICY 2OO fine\r\n\x00\x01\r\n\r\n")
        line.close()


@dataclass(frozen=True, slots=True)
class Redirect(Sent):
    """Another address is named instead of an answer."""

    to: str
    status: int = 302

    async def send(self, line: Line, _ask: Ask) -> None:
        """Name it."""
        await line.send(Answer(b"", self.status, {"Location": self.to}))


def _head(answer: Answer) -> bytes:
    fields = {**answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} Slow", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()
