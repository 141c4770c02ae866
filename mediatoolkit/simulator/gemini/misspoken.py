"""Gemini's words for the `ApiFault` faults."""

import base64
from dataclasses import replace
from typing import Any

from mediatoolkit.simulator.api_faults import ApiFault, BadPicture, PromptBlocked, TextOnly
from mediatoolkit.simulator.broken_media import HTML as _HTML
from mediatoolkit.simulator.broken_media import broken_base64
from mediatoolkit.simulator.gemini.artist import CONTINUATION
from mediatoolkit.simulator.gemini.faults import (
    BadSound,
    CandidateBlocked,
    Continuation,
    NoCandidates,
)
from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.gemini.reply import Asking, Reply, text_part


def instead(fault: ApiFault | None, model: Model, asked: Asking) -> Reply | dict[str, Any] | None:
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


def flawed(reply: Reply, fault: BadPicture) -> Reply:
    """*reply* with its result picture spoilt."""
    parts = tuple(_spoilt(part, fault.kind) if _is_result(part) else part for part in reply.parts)
    return replace(reply, parts=parts)


def flawed_sound(reply: Reply, fault: BadSound) -> Reply:
    """*reply* with every piece of its speech spoilt."""
    return replace(reply, parts=tuple(_spoilt_sound(part, fault.kind) for part in reply.parts))


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
    return part | {
        "inlineData": {"mimeType": mime_type, "data": broken_base64(inline["data"], kind)}
    }


def _spoilt_sound(part: dict[str, Any], kind: str) -> dict[str, Any]:
    inline = part["inlineData"]
    named = {"no_rate": "audio/L16", "wrong_mime": "audio/mp3"}
    other = {"empty": b"", "html": _HTML}
    match kind:
        case "odd":
            data = base64.b64encode(base64.b64decode(inline["data"]) + b"\0").decode()
        case "bad_base64":
            data = broken_base64(inline["data"], kind)
        case _ if kind in other:
            data = base64.b64encode(other[kind]).decode()
        case _:
            data = inline["data"]
    return {"inlineData": {"mimeType": named.get(kind, inline["mimeType"]), "data": data}}
