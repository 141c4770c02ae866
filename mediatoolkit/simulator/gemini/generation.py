"""`generateContent` and its stream."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from mediatoolkit.simulator.api_faults import ApiFault, BadPicture, PictureAs, Status, StreamError
from mediatoolkit.simulator.broken_media import escaped
from mediatoolkit.simulator.gemini import asked as asking
from mediatoolkit.simulator.gemini import envelope, events, misspoken, recital, speaker
from mediatoolkit.simulator.gemini.artist import Artist
from mediatoolkit.simulator.gemini.catalog import Catalog
from mediatoolkit.simulator.gemini.envelope import said
from mediatoolkit.simulator.gemini.faults import BadSound, BrokenOff, SoundAs
from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.gemini.reply import Reply
from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.pictures import PictureMaker
from mediatoolkit.simulator.vendor import SoundForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Answers requests for content.

    Attributes:
        catalog: The served models.
        studio: Makes the pictures.
        sound: Form of the speech.
        newline: Line end of event streams.
    """

    catalog: Catalog
    studio: PictureMaker
    sound: SoundForm
    newline: str

    async def answer(
        self, request: Request, place: re.Match[str], fault: ApiFault | None
    ) -> HttpResponse:
        """HttpResponse *request* to the method that *place* names.

        Raises:
            InvalidError: The service would refuse the request.
            RejectedError: The model is not served.
        """
        model = self.catalog.serving(place)
        streamed = place["verb"] == "streamGenerateContent"
        ask = self._draw if model.draws else self._speak
        reply = await ask(model, request.body, fault, streamed=streamed)
        if isinstance(fault, StreamError) and not streamed:
            return envelope.misfortune(Status(fault.code, message=fault.message), model.id)
        if streamed:
            return self._stream(_chunks(reply, fault), sse=request.query.get("alt") == "sse")
        text = json.dumps(reply.body() if isinstance(reply, Reply) else reply)
        if fault == BadPicture("escaped_base64"):
            text = escaped(text)
        return HttpResponse(text.encode(), headers=envelope.JSON)

    async def _draw(
        self, model: Model, body: Any, fault: ApiFault | None, *, streamed: bool
    ) -> Reply | dict[str, Any]:
        del streamed  # a picture comes whole
        asked = asking.read(body, model)
        other = misspoken.instead(fault, model, asked)
        if other is not None:
            return other
        wanted = fault.format if isinstance(fault, PictureAs) else ""
        reply = await Artist(self.studio).reply(model, asked, wanted)
        return misspoken.flawed(reply, fault) if isinstance(fault, BadPicture) else reply

    async def _speak(
        self, model: Model, body: Any, fault: ApiFault | None, *, streamed: bool
    ) -> Reply | dict[str, Any]:
        asked = recital.read(body, model)
        other = misspoken.instead(fault, model, asked)
        if other is not None:
            return other
        form = fault.form if isinstance(fault, SoundAs) else self.sound
        reply = await speaker.reply(model, asked, form, streamed=streamed)
        if isinstance(fault, BrokenOff):
            reply = replace(reply, finish_reason=fault.finish_reason)
        return misspoken.flawed_sound(reply, fault) if isinstance(fault, BadSound) else reply

    def _stream(self, chunks: list[dict[str, Any]], *, sse: bool) -> HttpResponse:
        """Server-sent events, or one list when the request did not ask for them."""
        return events.stream(chunks, self.newline) if sse else said(chunks)


def _chunks(reply: Reply | dict[str, Any], fault: ApiFault | None) -> list[dict[str, Any]]:
    chunks = reply.chunks() if isinstance(reply, Reply) else [reply]
    if isinstance(fault, StreamError):
        return [chunks[0], envelope.error_body(fault.code, fault.message)]
    return chunks
