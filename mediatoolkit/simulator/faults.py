"""The ways a vendor's side goes wrong, as values.

A `Spoken` fault changes what the vendor says, a `Sent` fault how the bytes travel. One fault
serves for one request:

    sim.then(Status(429, retry_delay="1.2s"), Reset())   # the next two requests
    sim.always(Latency(0.3))                             # every other one

A new fault is a frozen dataclass: beside its siblings in `sent.py` with a `send` method, or in
`spoken.py` with one case in each dialect.
"""

from mediatoolkit.simulator.sent import (
    BadGzip,
    CutBeforeHead,
    CutBody,
    GzipBomb,
    Latency,
    MalformedChunk,
    MalformedHead,
    Redirect,
    Reset,
    Sent,
    Silence,
    SlowBody,
    SlowHead,
    TooLarge,
    Trickle,
    Truncated,
    WrongLength,
)
from mediatoolkit.simulator.spoken import (
    BadPicture,
    CandidateBlocked,
    Continuation,
    EchoKey,
    Garbage,
    NoCandidates,
    PictureAs,
    PromptBlocked,
    Spoken,
    Status,
    StreamError,
    TextOnly,
    UnknownFinish,
)

Fault = Sent | Spoken

__all__ = [
    "BadGzip",
    "BadPicture",
    "CandidateBlocked",
    "Continuation",
    "CutBeforeHead",
    "CutBody",
    "EchoKey",
    "Fault",
    "Garbage",
    "GzipBomb",
    "Latency",
    "MalformedChunk",
    "MalformedHead",
    "NoCandidates",
    "PictureAs",
    "PromptBlocked",
    "Redirect",
    "Reset",
    "Sent",
    "Silence",
    "SlowBody",
    "SlowHead",
    "Spoken",
    "Status",
    "StreamError",
    "TextOnly",
    "TooLarge",
    "Trickle",
    "Truncated",
    "UnknownFinish",
    "WrongLength",
]
