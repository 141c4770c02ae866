"""The body of a `generateContent` answer."""

import base64
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.pictures import MadePicture

_PICTURE_IN = 560  # tokens a reference picture costs
_TEXT_OUT = 6  # tokens of the sentence beside a picture
_THOUGHTS = 120  # tokens of thinking
CAPTION = "Here is the picture."


class Asking(Protocol):
    """A valid request, as far as its answer depends on it."""

    @property
    def contents(self) -> list[dict[str, Any]]:
        """Turns with camelCase keys and decoded bytes."""

    @property
    def token(self) -> bytes:
        """What asks for the rest of an answer, or empty."""

    def price(self, part: dict[str, Any]) -> int:
        """Tokens that this result costs."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Everything an answer says, before it becomes JSON.

    Attributes:
        model: Who answers.
        asked: What was asked.
        parts: Parts of the model's turn; empty leaves `content` out.
        finish_reason: How it ended.
        finish_message: The vendor's sentence on that, or None.
        candidate: Further fields of the candidate.
    """

    model: Model
    asked: Asking
    parts: tuple[dict[str, Any], ...] = ()
    finish_reason: str = "STOP"
    finish_message: str | None = None
    candidate: tuple[tuple[str, Any], ...] = ()

    def body(self) -> dict[str, Any]:
        """The whole answer as one object."""
        return {"candidates": [self._candidate()], **self.about()}

    def about(self) -> dict[str, Any]:
        """What every answer carries beside its candidates."""
        return {
            "usageMetadata": _usage(self.model, self.asked, self.parts),
            "modelVersion": self.model.id,
            "responseId": secrets.token_urlsafe(12),
        }

    def chunks(self) -> list[dict[str, Any]]:
        """The answer as a stream brings it: a part each, then the end with the usage."""
        about = self.about()
        usage = about.pop("usageMetadata")
        chunks = [
            {"candidates": [{"content": _turn((part,)), "index": 0}], **about}
            for part in self.parts
        ]
        last = self._candidate()
        if self.parts:
            last["content"] = _turn(({"text": ""},))
        return [*chunks, {"candidates": [last], "usageMetadata": usage, **about}]

    def _candidate(self) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": _turn(self.parts)} if self.parts else {}
        candidate |= {"finishReason": self.finish_reason, "index": 0, **dict(self.candidate)}
        if self.finish_message is not None:
            candidate["finishMessage"] = self.finish_message
        return candidate


def text_part(text: str) -> dict[str, Any]:
    """Words."""
    return {"text": text}


def picture_part(picture: MadePicture, signature: str) -> dict[str, Any]:
    """The result, with what a next turn must send back."""
    return {"inlineData": _inline(picture), "thoughtSignature": signature}


def sound_part(mime_type: str, data: bytes) -> dict[str, Any]:
    """Speech, or a piece of it."""
    return {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}


def thought_part(picture: MadePicture) -> dict[str, Any]:
    """An interim picture."""
    return {"inlineData": _inline(picture), "thought": True}


def _inline(picture: MadePicture) -> dict[str, str]:
    return {"mimeType": picture.mime_type, "data": base64.b64encode(picture.data).decode()}


def _turn(parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def _usage(model: Model, asked: Asking, parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Token counts as the service gives them: the details of the output name its media alone."""
    incoming = [part for turn in asked.contents for part in turn["parts"]]
    letters = sum(len(part.get("text", "")) for part in incoming)
    seen = sum(_PICTURE_IN for part in incoming if "inlineData" in part)
    made = sum(asked.price(part) for part in parts if _is_result(part))
    words = sum(_TEXT_OUT for part in parts if "text" in part)
    prompt = {"TEXT": -(-letters // 4), "IMAGE": seen}
    usage: dict[str, Any] = {"promptTokenCount": sum(prompt.values())}
    if parts:
        usage["candidatesTokenCount"] = made + words
    if parts and model.draws:
        usage["thoughtsTokenCount"] = _THOUGHTS  # whether they are shown or not
    usage["totalTokenCount"] = sum(usage.values())
    usage["promptTokensDetails"] = _details(prompt)
    if made:
        usage["candidatesTokensDetails"] = _details({model.makes: made})
    return {**usage, "serviceTier": "standard"}


def _is_result(part: dict[str, Any]) -> bool:
    return "inlineData" in part and not part.get("thought")


def _details(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items() if count]
