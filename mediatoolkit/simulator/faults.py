"""The ways a vendor's side goes wrong, as values.

A `Spoken` fault changes what the vendor says, a `Sent` fault how the bytes travel. One fault
serves for one request:

    sim.then(Status(429, retry_delay="1.2s"), Reset())   # the next two requests
    sim.then(Status(500), at="poll")                     # the next look at work that runs
    sim.always(Latency(0.3))                             # every other request

A new fault is a frozen dataclass: beside its siblings in `sent.py` or `bulk.py` with a `send`
method, or in `spoken.py` with one case in each dialect.
"""

from mediatoolkit.simulator.bulk import BadGzip, GzipBomb, TooLarge
from mediatoolkit.simulator.sent import (
    CutBeforeHead,
    CutBody,
    Gate,
    Latency,
    MalformedChunk,
    MalformedHead,
    Redirect,
    Reset,
    Sent,
    Silence,
    SlowBody,
    SlowHead,
    Trickle,
    Truncated,
    WrongLength,
)
from mediatoolkit.simulator.spoken import (
    BadPicture,
    BadSound,
    BrokenOff,
    CandidateBlocked,
    Continuation,
    EchoKey,
    EndsAs,
    Garbage,
    NoCandidates,
    PictureAs,
    PromptBlocked,
    ResultAt,
    SoundAs,
    Spoken,
    Status,
    StreamError,
    Stumbles,
    TextOnly,
    UnknownFinish,
)

Fault = Sent | Spoken

__all__ = [
    "BadGzip",
    "BadPicture",
    "BadSound",
    "BrokenOff",
    "CandidateBlocked",
    "Continuation",
    "CutBeforeHead",
    "CutBody",
    "EchoKey",
    "EndsAs",
    "Fault",
    "Garbage",
    "Gate",
    "GzipBomb",
    "Latency",
    "MalformedChunk",
    "MalformedHead",
    "NoCandidates",
    "PictureAs",
    "PromptBlocked",
    "Redirect",
    "Reset",
    "ResultAt",
    "Sent",
    "Silence",
    "SlowBody",
    "SlowHead",
    "SoundAs",
    "Spoken",
    "Status",
    "StreamError",
    "Stumbles",
    "TextOnly",
    "TooLarge",
    "Trickle",
    "Truncated",
    "UnknownFinish",
    "WrongLength",
]
