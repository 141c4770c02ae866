"""The ways a vendor's side goes wrong, as values.

An `ApiFault` changes what the vendor says, a `NetworkFault` how the bytes travel. One fault serves
for one request:

    sim.then(Status(429, retry_delay="1.2s"), Reset())   # the next two requests
    sim.then(Status(500), at="poll")                     # the next poll of work that runs
    sim.always(Latency(0.3))                             # every other request

A new fault is a frozen dataclass: a network fault with its `send` method in `network_faults.py`, an
API fault that every vendor can word in `api_faults.py`, one of a single vendor in that vendor's own
folder. Its name is added here, and what is billed under it to the table in `meter.py`.
"""

from mediatoolkit.simulator.api_faults import (
    ApiFault,
    BadPicture,
    EchoKey,
    EndsAs,
    Expired,
    Garbage,
    InBatch,
    Moderated,
    PictureAs,
    PromptBlocked,
    Status,
    StreamError,
    TextOnly,
)
from mediatoolkit.simulator.gemini.faults import (
    BadSound,
    BrokenOff,
    CandidateBlocked,
    Continuation,
    NoCandidates,
    ResultAt,
    SoundAs,
    Stumbles,
    UnknownFinish,
)
from mediatoolkit.simulator.network_faults import (
    BadGzip,
    CutBeforeHead,
    CutBody,
    Gate,
    GzipBomb,
    Latency,
    MalformedChunk,
    MalformedHead,
    NetworkFault,
    Redirect,
    Reset,
    Silence,
    SlowBody,
    SlowHead,
    TooLarge,
    Trickle,
    Truncated,
    WrongLength,
)

Fault = NetworkFault | ApiFault

__all__ = [
    "ApiFault",
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
    "Expired",
    "Fault",
    "Garbage",
    "Gate",
    "GzipBomb",
    "InBatch",
    "Latency",
    "MalformedChunk",
    "MalformedHead",
    "Moderated",
    "NetworkFault",
    "NoCandidates",
    "PictureAs",
    "PromptBlocked",
    "Redirect",
    "Reset",
    "ResultAt",
    "Silence",
    "SlowBody",
    "SlowHead",
    "SoundAs",
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
