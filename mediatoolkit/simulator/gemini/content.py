"""`generateContent` and its stream: what is asked for, and what pictures and speech come back."""

import asyncio
import base64
import hashlib
import hmac
import json
import math
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from mediatoolkit.simulator.api_faults import (
    ApiFault,
    BadPicture,
    PictureAs,
    PromptBlocked,
    Status,
    StreamError,
    TextOnly,
)
from mediatoolkit.simulator.broken_media import HTML, broken_base64
from mediatoolkit.simulator.gemini.catalog import GeminiCatalog, GeminiModel, ratio
from mediatoolkit.simulator.gemini.envelope import InvalidError, error, error_body, status_fault
from mediatoolkit.simulator.gemini.faults import (
    BadSound,
    BrokenOff,
    CandidateBlocked,
    Continuation,
    NoCandidates,
    SoundAs,
)
from mediatoolkit.simulator.gemini.files import GeminiFiles, missing_file
from mediatoolkit.simulator.gemini.speech import SPEECH_TOKENS, pieces_of, utterances_of
from mediatoolkit.simulator.http import JSON, HttpResponse, event_stream, json_response
from mediatoolkit.simulator.meter import Tariff
from mediatoolkit.simulator.pictures import MadePicture, NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import Schema
from mediatoolkit.simulator.sounds import RATE, Utterance, speak, wav
from mediatoolkit.simulator.vendor import ApiCall, RejectedError, Settings

# Recorded: signatures of 1.9 to 3.1 characters for each byte of the picture.
_SIGNATURE_BYTES = 1.65  # for each byte of the picture, before base64
_SECRET = b"mediatoolkit.simulator"  # guards nothing: it tells our signatures from others
_CONTINUATION = hmac.digest(_SECRET, b"continuation", "sha256")
_PICTURES = ("image/png", "image/jpeg", "image/webp")
# The service takes these, too; they are not looked into.
_UNSEEN = ("image/heic", "image/heif", "application/pdf")
_LONG_ASPECTS = ("1:4", "4:1", "1:8", "8:1")
_SOUND_TYPES = {
    "pcm": "audio/L16;codec=pcm;rate=24000",
    "pcm_rfc": "audio/l16; rate=24000; channels=1",
    "wav": "audio/wav",
    "endless_wav": "audio/wav",
}


@dataclass(frozen=True, slots=True)
class ContentRequest:
    """One valid request.

    Attributes:
        model: The model that is to answer.
        contents: Turns with camelCase keys and decoded bytes; files are inline.
        config: The generation settings.
        token: What asks for the rest of a response, or empty.
        tier: The service tier.
    """

    model: GeminiModel
    contents: list[dict[str, Any]]
    config: dict[str, Any]
    token: bytes
    tier: str

    @property
    def text(self) -> str:
        """What the last turn says."""
        return _words(self.contents[-1])

    @property
    def references(self) -> tuple[bytes, ...]:
        """Pictures of the last turn, else the newest one of the turns before."""
        for turn in reversed(self.contents):
            blobs = [part["inlineData"] for part in turn["parts"] if _is_result(part)]
            data = [blob["data"] for blob in blobs if blob["mimeType"] in _PICTURES]
            if data:
                return tuple(data if turn is self.contents[-1] else data[-1:])
        return ()


@dataclass(frozen=True, slots=True)
class ContentReply:
    """Everything a response says, before it becomes JSON.

    Attributes:
        request: What is answered.
        parts: Parts of the model's turn.
        tokens: What the picture or the speech costs.
        unnamed: Further tokens of output, which the details do not name.
        thoughts: Tokens that were thought, shown or not.
        finish_reason: How it ended.
        finish_message: The vendor's sentence on that, or None.
        extra: Further fields of the candidate.
    """

    request: ContentRequest
    parts: tuple[dict[str, Any], ...] = ()
    tokens: int = 0
    unnamed: int = 0
    thoughts: int = 0
    finish_reason: str = "STOP"
    finish_message: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The whole response as one object; a candidate without parts has an empty content."""
        content = {"role": "model", "parts": list(self.parts)} if self.parts else {}
        return {"candidates": [{"content": content, **self._end()}], **self.about()}

    def about(self) -> dict[str, Any]:
        """What every response carries beside its candidates."""
        return {
            "usageMetadata": self._usage(),
            "modelVersion": self.request.model.id,
            "responseId": secrets.token_urlsafe(12),
        }

    def chunks(self) -> list[dict[str, Any]]:
        """The response as a stream brings it: a part each, then an end without content."""
        about = self.about()
        chunks = [
            {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], **about}
            for part in self.parts
        ]
        return [*chunks, {"candidates": [self._end()], **about}]

    def _end(self) -> dict[str, Any]:
        end = {"finishReason": self.finish_reason, "index": 0, **self.extra}
        return end if self.finish_message is None else end | {"finishMessage": self.finish_message}

    def units(self) -> dict[str, int]:
        """What is billed, in tokens by direction and modality."""
        prompt = self._prompt()
        return {
            "input_text": prompt["TEXT"],
            "input_image": prompt["IMAGE"],
            f"output_{self.request.model.makes.lower()}": self.tokens,
            "output_text": self._text_tokens() + self.unnamed + self.thoughts,
        }

    def _prompt(self) -> dict[str, int]:
        incoming = [part for turn in self.request.contents for part in turn["parts"]]
        letters = sum(len(part.get("text", "")) for part in incoming)
        blobs = sum("inlineData" in part for part in incoming)
        return {"TEXT": -(-letters // 4), "IMAGE": self.request.model.reference * blobs}

    def _text_tokens(self) -> int:
        return sum(-(-len(part["text"]) // 4) for part in self.parts if "text" in part)

    def _usage(self) -> dict[str, Any]:
        """Token counts; the details of the output name its media alone, as recorded ones do."""
        prompt = self._prompt()
        usage: dict[str, Any] = {"promptTokenCount": sum(prompt.values())}
        if self.parts:
            usage["candidatesTokenCount"] = self.tokens + self._text_tokens() + self.unnamed
        if self.parts and self.request.model.makes == "IMAGE":
            # They are counted whether they are shown or not.
            usage["thoughtsTokenCount"] = self.thoughts
        usage["totalTokenCount"] = sum(usage.values())
        usage["promptTokensDetails"] = _details(prompt)
        if self.tokens:
            usage["candidatesTokensDetails"] = _details({self.request.model.makes: self.tokens})
        return {**usage, "serviceTier": self.request.tier}


@dataclass(frozen=True, slots=True)
class ContentService:
    """Answers requests for content."""

    settings: Settings
    catalog: GeminiCatalog
    files: GeminiFiles
    schema: Schema
    tariff: Tariff

    async def respond(self, call: ApiCall) -> HttpResponse:
        """Answer *call* to a method of a model."""
        model = self.catalog.serving(call.match)
        request = self._read(call.request.body, model)
        streamed = call.match["verb"] == "streamGenerateContent"
        if model.makes == "IMAGE":
            _check_picture_request(request)
            reply = _instead(call.fault, request) or await self._draw(request, call.fault)
        else:
            utterances = utterances_of(request.contents, request.config, model)
            reply = _instead(call.fault, request) or await self._speak(
                request, call.fault, utterances, streamed=streamed
            )
        if isinstance(reply, ContentReply):
            reply = self._thought_of(reply)
        if not _is_free(call.fault, streamed=streamed):
            whole = reply if isinstance(reply, ContentReply) else ContentReply(request)
            path, units = call.request.path, whole.units()
            call.meter.add(self.tariff.bill(model.id, path, units, request.tier))
        if isinstance(call.fault, StreamError) and not streamed:
            return status_fault(Status(call.fault.code, message=call.fault.message), model.id)
        if streamed:
            return self._stream(reply, call)
        document = json.dumps(reply.body() if isinstance(reply, ContentReply) else reply)
        return HttpResponse(document.encode(), headers=JSON)

    def _thought_of(self, reply: ContentReply) -> ContentReply:
        """*reply* with the tokens that a picture takes beside itself."""
        if not reply.parts or reply.request.model.makes != "IMAGE":
            return reply
        unnamed = self.settings.draw(self.settings.unnamed) if reply.tokens else 0
        return replace(reply, unnamed=unnamed, thoughts=self.settings.draw(self.settings.thoughts))

    def _stream(self, reply: ContentReply | dict[str, Any], call: ApiCall) -> HttpResponse:
        """Server-sent events, or one list when the request did not ask for them."""
        chunks = reply.chunks() if isinstance(reply, ContentReply) else [reply]
        if isinstance(call.fault, StreamError):
            chunks = [chunks[0], error_body(call.fault.code, call.fault.message)]
        if call.request.query.get("alt") != "sse":
            return json_response(chunks)
        return event_stream([("", json.dumps(chunk)) for chunk in chunks], self.settings.newline)

    def _read(self, body: Any, model: GeminiModel) -> ContentRequest:
        """Check what holds for every kind of model."""
        request = self.schema.read(body, "GenerateContentRequest")
        contents, config = request.get("contents", []), request.get("generationConfig", {})
        if not contents:
            raise wrong("contents", "contents is not specified")
        for index, turn in enumerate(contents):
            self._check_turn(turn, f"contents[{index}]")
        if contents[-1].get("role") == "model":
            raise InvalidError("Please ensure that the last turn comes from the user.", "contents")
        if not _words(contents[-1]) and not any(map(_is_result, contents[-1]["parts"])):
            raise wrong("contents", "contents must say something.")
        _check_config(config, model)
        token = request.get("continuationToken", b"")
        if token not in {b"", _CONTINUATION}:
            raise InvalidError("The continuation token is not valid.", "continuation_token")
        tier = request.get("serviceTier", "standard")
        return ContentRequest(model, contents, config, token, tier)

    def _check_turn(self, turn: dict[str, Any], path: str) -> None:
        if turn.get("role", "user") not in {"user", "model"}:
            raise InvalidError("Please use a valid role: user, model.", f"{path}.role")
        if not turn.get("parts"):
            raise wrong(f"{path}.parts", "contents.parts must not be empty.")
        turn["parts"] = [
            self._checked_part(part, f"{path}.parts[{number}]")
            for number, part in enumerate(turn["parts"])
        ]

    def _checked_part(self, part: dict[str, Any], path: str) -> dict[str, Any]:
        """*part*, with the bytes of the file that it names."""
        if len({"text", "inlineData", "fileData"} & part.keys()) != 1:
            raise wrong(
                f"{path}.data", "required oneof field 'data' must have one initialized field"
            )
        if "fileData" in part:
            uri = part["fileData"].get("fileUri", "")
            file = self.files.find(uri)
            if file is None:
                raise RejectedError(error(403, missing_file(uri)))
            blob = {"mimeType": file.mime_type, "data": file.data}
            part = {key: value for key, value in part.items() if key != "fileData"}
            part["inlineData"] = blob
        if "inlineData" in part:
            mime_type = part["inlineData"].get("mimeType")
            if mime_type not in _PICTURES + _UNSEEN:
                path = f"{path}.inline_data.mime_type"
                raise InvalidError(f"Unsupported MIME type: {mime_type}", path)
            if not part["inlineData"].get("data"):
                raise wrong(f"{path}.inline_data.data", "data must not be empty.")
        return part

    async def _draw(self, request: ContentRequest, fault: ApiFault | None) -> ContentReply:
        if not await self._check_history(request) and request.model.signs:
            return ContentReply(request, finish_reason="MISSING_THOUGHT_SIGNATURE")
        if "IMAGE" not in request.config.get("responseModalities", ["IMAGE"]):
            return ContentReply(request, ({"text": f"I would draw: {request.text}"},))
        size = request.config.get("imageConfig", {}).get("imageSize", "1K")
        order = await self._order(request, size, fault)
        picture = await self.settings.pictures.make(order)
        part: dict[str, Any] = {"inlineData": _blob(picture)}
        if request.model.signs:
            part["thoughtSignature"] = signature_of(picture)
        if isinstance(fault, BadPicture):
            good = part["inlineData"]
            mime_type = "image/jpeg" if fault.kind == "wrong_mime" else good["mimeType"]
            data = broken_base64(good["data"], fault.kind)
            part["inlineData"] = {"mimeType": mime_type, "data": data}
        parts = [part]
        if request.config.get("thinkingConfig", {}).get("includeThoughts"):
            sketch = replace(order, width=order.width // 4, height=order.height // 4)
            thought = await self.settings.pictures.make(sketch)
            parts.insert(0, {"inlineData": _blob(thought), "thought": True})
        return ContentReply(request, tuple(parts), request.model.tokens[size])

    async def _order(
        self, request: ContentRequest, size: str, fault: ApiFault | None
    ) -> PictureOrder:
        model, references = request.model, request.references
        aspect = request.config.get("imageConfig", {}).get("aspectRatio")
        if aspect is None and references:
            # The format of the model that is nearest to the first reference.
            first = await self.settings.pictures.look(references[0])
            shape = math.log(first.width / first.height)
            aspect = min(model.aspects, key=lambda each: abs(math.log(ratio(each)) - shape))
        width, height = model.pixels(aspect, size)
        usual = "JPEG" if model.signs else "PNG"
        form = fault.format.upper() if isinstance(fault, PictureAs) else usual
        text, seed = request.text or "picture", request.config.get("seed")
        exact = isinstance(fault, PictureAs)
        return PictureOrder(text, width, height, seed, references, form, exact=exact)

    async def _check_history(self, request: ContentRequest) -> bool:
        """Decode every picture; return whether all that the model drew came back signed."""
        signed = True
        for index, turn in enumerate(request.contents):
            for number, part in enumerate(turn["parts"]):
                if part.get("inlineData", {}).get("mimeType") in _PICTURES:
                    path = f"contents[{index}].parts[{number}]"
                    picture = await self._look(part["inlineData"], path)
                    if turn.get("role") == "model" and not part.get("thought"):
                        signed &= _is_signed(part, picture, path)
        return signed

    async def _look(self, blob: dict[str, Any], path: str) -> MadePicture:
        try:
            picture = await self.settings.pictures.look(blob["data"])
        except NotAPictureError as problem:
            raise InvalidError(
                "Unable to process input image. Please retry with a valid picture.",
                f"{path}.inline_data.data",
            ) from problem
        if picture.mime_type != blob["mimeType"]:
            raise InvalidError(
                f"The picture is {picture.mime_type}, not {blob['mimeType']}.",
                f"{path}.inline_data.mime_type",
            )
        return picture

    async def _speak(
        self,
        request: ContentRequest,
        fault: ApiFault | None,
        utterances: list[Utterance],
        *,
        streamed: bool,
    ) -> ContentReply:
        """Speech, whole or in the pieces of a stream."""
        form = fault.form if isinstance(fault, SoundAs) else self.settings.sound
        samples = sound = await asyncio.to_thread(speak, utterances)
        if form in {"wav", "endless_wav"}:
            sound = wav(samples, endless=form == "endless_wav")
        kind = fault.kind if isinstance(fault, BadSound) else ""
        parts = [
            _sound_part(_SOUND_TYPES[form], piece, kind)
            for piece in (pieces_of(sound) if streamed else [sound])
        ]
        tokens = -(-len(samples) // 2 * SPEECH_TOKENS // RATE)
        end = fault.finish_reason if isinstance(fault, BrokenOff) else "STOP"
        return ContentReply(request, tuple(parts), tokens, finish_reason=end)


def wrong(path: str, complaint: str) -> InvalidError:
    """What the service says of the field at *path*."""
    return InvalidError(f"* GenerateContentRequest.{path}: {complaint}", path)


def check_format(model: GeminiModel, aspect: str | None, size: str | None, path: str) -> None:
    """Whether *model* draws that format.

    Raises:
        InvalidError: It does not.
    """
    if aspect is not None and aspect not in model.aspects:
        common = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"]
        known = "supported by this model" if aspect in [*common, *_LONG_ASPECTS] else "known"
        choice = ", ".join(model.aspects)
        raise wrong(f"{path}.aspect_ratio", f'"{aspect}" is not {known}. Use one of {choice}.')
    if size is not None and size not in model.tokens:
        choice = ", ".join(model.tokens)
        raise wrong(f"{path}.image_size", f'"{size}" is not supported. Use one of {choice}.')


def signature_of(picture: MadePicture) -> str:
    """What a next turn must send back, as heavy as recorded ones."""
    return base64.b64encode(_sign(picture, round(len(picture.data) * _SIGNATURE_BYTES))).decode()


def _sign(picture: MadePicture, size: int) -> bytes:
    """At least 32 bytes that are bound to the pixels, so that metadata may change."""
    seal = hmac.digest(_SECRET, picture.digest, "sha256")
    return seal + hashlib.shake_256(seal).digest(max(0, size - len(seal)))


def _is_signed(part: dict[str, Any], picture: MadePicture, path: str) -> bool:
    signature = part.get("thoughtSignature")
    if signature is None:
        return False
    if signature != _sign(picture, len(signature)):
        raise InvalidError("Thought signature is not valid.", f"{path}.thought_signature")
    return True


def _is_free(fault: ApiFault | None, *, streamed: bool) -> bool:
    """Whether nothing is billed under *fault*: a refusal, or an error in the place of work."""
    refused = isinstance(fault, PromptBlocked | CandidateBlocked)
    return refused or (isinstance(fault, StreamError) and not streamed)


def _instead(
    fault: ApiFault | None, request: ContentRequest
) -> ContentReply | dict[str, Any] | None:
    """What is said instead of a result, or None when *fault* leaves the result in place."""
    match fault:
        case PromptBlocked(reason, message):
            feedback = {"blockReason": reason}
            if message is not None:
                feedback["blockReasonMessage"] = message
            return {"promptFeedback": feedback, **ContentReply(request).about()}
        case CandidateBlocked(reason, message):
            return ContentReply(request, finish_reason=reason, finish_message=message)
        case TextOnly(text):
            return ContentReply(request, ({"text": text},))
        case NoCandidates():
            return {"candidates": [], **ContentReply(request).about()}
        case Continuation() if not request.token:
            token = {"continuationToken": base64.b64encode(_CONTINUATION).decode()}
            parts = ({"text": "Drawing"},)
            return ContentReply(request, parts, finish_reason="CONTINUATION", extra=token)
        case _:
            return None


def _check_config(config: dict[str, Any], model: GeminiModel) -> None:
    path = "generation_config"
    if config.get("candidateCount", 1) > 1:
        raise InvalidError("Multiple candidates is not enabled for this model", path)
    if {"thinkingBudget", "thinkingLevel"} <= config.get("thinkingConfig", {}).keys():
        raise InvalidError("You can only set one of thinking budget and thinking level.", path)
    accepted = ("IMAGE", "TEXT") if model.makes == "IMAGE" else ("AUDIO",)
    usual = ["IMAGE", "TEXT"] if model.makes == "IMAGE" else ["TEXT"]
    modalities = config.get("responseModalities", usual)
    if modalities and set(accepted).issuperset(modalities):
        return
    choice = [*accepted, *([", ".join(accepted)] if len(accepted) > 1 else [])]
    lines = "".join(f"* {each}\n" for each in choice)
    raise InvalidError(
        f"The requested combination of response modalities ({', '.join(modalities)}) is not "
        f"supported by the model. models/{model.id} accepts the following combinations of "
        f"response modalities:\n{lines}",
        f"{path}.response_modalities",
    )


def _check_picture_request(request: ContentRequest) -> None:
    image = request.config.get("imageConfig", {})
    shape = (image.get("aspectRatio"), image.get("imageSize"))
    check_format(request.model, *shape, "generation_config.image_config")
    if "speechConfig" in request.config:
        path = "generation_config.speech_config"
        raise InvalidError(f"models/{request.model.id} does not speak.", path)


def _is_result(part: dict[str, Any]) -> bool:
    """Whether *part* carries media and is no thought."""
    return "inlineData" in part and not part.get("thought")


def _words(turn: dict[str, Any]) -> str:
    return " ".join(part["text"] for part in turn["parts"] if "text" in part).strip()


def _blob(picture: MadePicture) -> dict[str, str]:
    return {"mimeType": picture.mime_type, "data": base64.b64encode(picture.data).decode()}


def _sound_part(mime_type: str, sound: bytes, flaw: str) -> dict[str, Any]:
    """Speech or a piece of it, spoilt as `faults.BadSound` names it."""
    sound = {"empty": b"", "html": HTML, "odd": sound + b"\0"}.get(flaw, sound)
    mime_type = {"no_rate": "audio/L16", "wrong_mime": "audio/mp3"}.get(flaw, mime_type)
    data = base64.b64encode(sound).decode()
    if flaw == "bad_base64":
        data = broken_base64(data, flaw)
    return {"inlineData": {"mimeType": mime_type, "data": data}}


def _details(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items() if count]
