"""Gemini's words for the `Spoken` faults."""

import base64
import io
import struct
import textwrap
import zlib
from dataclasses import replace
from typing import Any

from mediatoolkit.simulator.gemini.artist import CONTINUATION
from mediatoolkit.simulator.gemini.envelope import JSON
from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.gemini.reply import Asking, Reply, text_part
from mediatoolkit.simulator.spoken import (
    BadPicture,
    BadSound,
    CandidateBlocked,
    Continuation,
    Garbage,
    NoCandidates,
    PromptBlocked,
    Spoken,
    TextOnly,
)
from mediatoolkit.simulator.wire import Answer

_HTML = b"<!doctype html><html><title>Sign in</title><p>Please sign in to the network.</html>"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_SHAPES = b'{"candidates":{"0":{"content":"a picture"}},"usageMetadata":[1,2]}'
_PARTS = b'{"candidates":[{"content":{"parts":["a picture",7,null]},"finishReason":"STOP"}]}'
_INLINE = (
    b'{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":7,"data":[1]}}]},'
    b'"finishReason":"STOP"}]}'
)
_NAN = b'{"candidates":NaN,"usageMetadata":{"totalTokenCount":Infinity}}'
_GARBAGE = {
    "empty": b"",
    "html": _HTML,
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "utf8": b'{"candidates":"\xff\xfe\xfa"}',
    "null": b"null",
    "list": b"[]",
    "string": b'"a picture"',
    "nan": _NAN,
    "shapes": _SHAPES,
    "parts": _PARTS,
    "inline": _INLINE,
}


def instead(fault: Spoken | None, model: Model, asked: Asking) -> Reply | dict[str, Any] | None:
    """What is said instead of an answer, or None when *fault* leaves the answer in place."""
    match fault:
        case PromptBlocked(reason, message):
            return _blocked(Reply(model, asked), reason, message)
        case CandidateBlocked(reason, message):
            return Reply(model, asked, finish_reason=reason, finish_message=message)
        case TextOnly(text):
            return Reply(model, asked, (text_part(text),))
        case NoCandidates():
            return {"candidates": [], **Reply(model, asked).about()}
        case Continuation() if not asked.token:
            token = (("continuationToken", CONTINUATION),)
            parts = (text_part("Drawing"),)
            return Reply(model, asked, parts, "CONTINUATION", candidate=token)
        case _:
            return None


def garbage(fault: Garbage) -> Answer:
    """A body that is no answer."""
    kind = {"Content-Type": "text/html"} if fault.kind == "html" else JSON
    return Answer(_GARBAGE[fault.kind], headers=kind)


def flawed(reply: Reply, fault: BadPicture) -> Reply:
    """*reply* with its result picture spoilt."""
    parts = tuple(_spoilt(part, fault.kind) if _is_result(part) else part for part in reply.parts)
    return replace(reply, parts=parts)


def flawed_sound(reply: Reply, fault: BadSound) -> Reply:
    """*reply* with every piece of its speech spoilt."""
    return replace(reply, parts=tuple(_spoilt_sound(part, fault.kind) for part in reply.parts))


def escaped(text: str) -> str:
    """JSON with the escapes that some encoders write; neither letter stands outside strings."""
    return text.replace("/", "\\/").replace("=", "\\u003d")


def _blocked(reply: Reply, reason: str, message: str | None) -> dict[str, Any]:
    feedback = {"blockReason": reason}
    if message is not None:
        feedback["blockReasonMessage"] = message
    return {"promptFeedback": feedback, **reply.about()}


def _is_result(part: dict[str, Any]) -> bool:
    return "inlineData" in part and not part.get("thought")


def _spoilt(part: dict[str, Any], kind: str) -> dict[str, Any]:
    inline = part["inlineData"]
    mime_type = "image/jpeg" if kind == "wrong_mime" else inline["mimeType"]
    return part | {"inlineData": {"mimeType": mime_type, "data": _data(inline["data"], kind)}}


def _spoilt_sound(part: dict[str, Any], kind: str) -> dict[str, Any]:
    inline = part["inlineData"]
    named = {"no_rate": "audio/L16", "wrong_mime": "audio/mp3"}
    other = {"empty": b"", "html": _HTML}
    match kind:
        case "odd":
            data = base64.b64encode(base64.b64decode(inline["data"]) + b"\0").decode()
        case "bad_base64":
            data = _data(inline["data"], kind)
        case _ if kind in other:
            data = base64.b64encode(other[kind]).decode()
        case _:
            data = inline["data"]
    return {"inlineData": {"mimeType": named.get(kind, inline["mimeType"]), "data": data}}


def _data(good: str, kind: str) -> str:
    """The base64 text of the spoilt picture."""
    match kind:
        case "bad_base64":
            return good[:40] + "!*" + good[42:]
        case "urlsafe_base64":
            return good.replace("+", "-").replace("/", "_")
        case "spaced_base64":
            return "\n".join(textwrap.wrap(good, 76))
        case _:
            return base64.b64encode(_bytes(base64.b64decode(good), kind)).decode()


def _bytes(good: bytes, kind: str) -> bytes:
    match kind:
        case "truncated":
            return good[: len(good) * 2 // 3]
        case "bad_crc":
            return good[:-20] + bytes([good[-20] ^ 0xFF]) + good[-19:]
        case "bomb":
            return _bomb()
        case _:
            return {"svg": _SVG, "html": _HTML, "empty": b""}.get(kind, good)


def _bomb() -> bytes:
    """A PNG that promises 30,000 x 30,000 pixels and holds next to nothing."""
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    file.seek(0, io.SEEK_END)
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 90_001)), (b"IEND", b"")):
        file.write(struct.pack(">I", len(body)) + name + body)
        file.write(struct.pack(">I", zlib.crc32(name + body)))
    return file.getvalue()
