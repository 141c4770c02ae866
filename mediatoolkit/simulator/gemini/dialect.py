"""From a request to Google's answer."""

import gzip
import json
import re
from dataclasses import dataclass
from typing import Any

from mediatoolkit.simulator.gemini import asked as asking
from mediatoolkit.simulator.gemini import envelope, misspoken, models
from mediatoolkit.simulator.gemini.artist import Artist
from mediatoolkit.simulator.gemini.envelope import RefusedError, said
from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.gemini.reply import Reply
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.pictures import Studio
from mediatoolkit.simulator.spoken import (
    BadPicture,
    EchoKey,
    Garbage,
    PictureAs,
    Spoken,
    Status,
    StreamError,
)
from mediatoolkit.simulator.wire import Answer, Request

_PATH = re.compile(r"/(?P<version>v1|v1beta)/models(?:/(?P<model>[^/:]+)(?::(?P<verb>\w+))?)?")
_VERBS = ("generateContent", "streamGenerateContent")
_BODY_CAP = 100 << 20  # bytes
_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemini:
    """The vendor.

    Attributes:
        studio: Makes the pictures.
        key: The only accepted key; None accepts every one.
        extra: Ids of further models.
        gzip: Answers are packed when the request accepts it.
        newline: Line end of event streams.
    """

    studio: Studio
    key: str | None
    extra: tuple[str, ...]
    gzip: bool
    newline: str

    async def answer(self, request: Request, fault: Spoken | None) -> Answer:
        """Answer *request*, under *fault*."""
        try:
            answer = await self._answer(request, fault)
        except RefusedError as refused:
            answer = refused.answer
        except InvalidError as bad:
            answer = envelope.invalid(str(bad), bad.field)
        if self.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers = {**answer.headers, "Content-Encoding": "gzip"}
            return Answer(gzip.compress(answer.body, 1), answer.status, headers)
        return answer

    async def _answer(self, request: Request, fault: Spoken | None) -> Answer:
        match fault:
            case Status():
                return envelope.misfortune(fault, _model_id(request))
            case EchoKey(code):
                return envelope.error(code, f"The key {request.key} must not be used here.")
            case Garbage():
                return misspoken.garbage(fault)
        self._check_key(request)
        place = _PATH.fullmatch(request.path)
        if request.method == "POST" and place and place["verb"] in _VERBS:
            return await self._generate(request, place, fault)
        if request.method == "GET" and place and place["verb"] is None:
            return self._listing(request, place)
        raise RefusedError(envelope.error(404))

    def _check_key(self, request: Request) -> None:
        if request.key is None:
            raise RefusedError(envelope.missing_key())
        if self.key is not None and request.key != self.key:
            raise RefusedError(envelope.bad_key())

    async def _generate(
        self, request: Request, place: re.Match[str], fault: Spoken | None
    ) -> Answer:
        if int(request.headers.get("Content-Length", 0)) > _BODY_CAP:
            raise RefusedError(envelope.error(413))
        model = self._model(place)
        asked = asking.read(request.body, model)
        streamed = place["verb"] == "streamGenerateContent"
        if isinstance(fault, StreamError) and not streamed:
            return envelope.misfortune(Status(fault.code, message=fault.message), model.id)
        reply = misspoken.instead(fault, model, asked)
        if reply is None:
            wanted = fault.format if isinstance(fault, PictureAs) else "PNG"
            reply = await Artist(self.studio).reply(model, asked, wanted)
            if isinstance(fault, BadPicture):
                reply = misspoken.flawed(reply, fault)
        if streamed:
            return self._stream(_chunks(reply, fault), sse=request.query.get("alt") == "sse")
        text = json.dumps(reply.body() if isinstance(reply, Reply) else reply)
        if fault == BadPicture("escaped_base64"):
            text = misspoken.escaped(text)
        return Answer(text.encode(), headers=envelope.JSON)

    def _stream(self, chunks: list[dict[str, Any]], *, sse: bool) -> Answer:
        """Server-sent events, or one list when the request did not ask for them."""
        if not sse:
            return said(chunks)
        events = [f"data: {json.dumps(chunk)}{self.newline * 2}".encode() for chunk in chunks]
        cuts = tuple(map(len, events))
        return Answer(b"".join(events), 200, {"Content-Type": "text/event-stream"}, cuts)

    def _served(self) -> dict[str, Model]:
        extra = [models.further(model_id) for model_id in self.extra]
        return {model.id: model for model in (*models.MODELS, *extra)}

    def _model(self, place: re.Match[str]) -> Model:
        model_id = place["model"]
        model = self._served().get(model_id)
        if model_id in models.RETIRED:
            raise RefusedError(
                envelope.error(
                    404,
                    f"This model models/{model_id} is no longer available. Please update your "
                    "code to use a newer model for the latest features and improvements.",
                )
            )
        if model is None or not model.draws:
            raise RefusedError(
                envelope.error(
                    404,
                    f"models/{model_id} is not found for API version {place['version']}, or is "
                    f"not supported for {place['verb']}. Call ListModels to see the list of "
                    "available models and their supported methods.",
                )
            )
        return model

    def _listing(self, request: Request, place: re.Match[str]) -> Answer:
        served = self._served()
        if place["model"] is None:
            return said(_page(list(served.values()), request))
        if place["model"] not in served:
            missing = f"models/{place['model']} is not found for API version {place['version']}."
            raise RefusedError(envelope.error(404, missing))
        return said(served[place["model"]].listing())


def _model_id(request: Request) -> str:
    place = _PATH.fullmatch(request.path)
    return (place and place["model"]) or ""


def _chunks(reply: Reply | dict[str, Any], fault: Spoken | None) -> list[dict[str, Any]]:
    chunks = reply.chunks() if isinstance(reply, Reply) else [reply]
    if isinstance(fault, StreamError):
        return [chunks[0], envelope.error_body(fault.code, fault.message)]
    return chunks


def _page(all_models: list[Model], request: Request) -> dict[str, Any]:
    """One page of the list; a token is `p` and the number of models before it."""
    size, token = request.query.get("pageSize", str(_PAGE)), request.query.get("pageToken", "p0")
    if not size.isdecimal() or not re.fullmatch(r"p\d+", token):
        raise InvalidError("The page size or the page token is not valid.", "page_token")
    start = int(token[1:])
    stop = start + (int(size) or _PAGE)
    page: dict[str, Any] = {"models": [model.listing() for model in all_models[start:stop]]}
    return page | ({"nextPageToken": f"p{stop}"} if stop < len(all_models) else {})
