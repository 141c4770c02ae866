"""Speech by the protocol of OpenAI's `/audio/speech`, which OpenAI ends and others go on with.

A vendor answers with bytes, with server-sent events that hold base64, or with JSON that does; all
three are read in one way, whether the speech is wanted whole or piece by piece.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from mediatoolkit.errors import ProviderError
from mediatoolkit.media import Audio, Provenance, Sound
from mediatoolkit.media.containers import wav
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers.base import StreamedSpeechClient
from mediatoolkit.providers.documents import at, text_at, without_none
from mediatoolkit.providers.http import facts_of
from mediatoolkit.providers.openai_like import OpenAILike, tokens_of
from mediatoolkit.providers.sound import BARE, SoundDecoder, billed, joined
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.transport import Json, Response, StreamEnded

_LAST = ".done"  # how the type of the last event ends, where it has one
_BARE_FORMATS = frozenset({"pcm", "raw"})
_HEARD = (*BARE, "audio/wav", "audio/x-wav")

Give = Callable[[Sound], None]


@dataclass(slots=True)
class _Speech:
    """What has come of one response.

    Attributes:
        pieces: The bytes, in order.
        mime_type: Of the bytes.
        sample_rate: Hertz of samples whose mime type does not say it.
        last: The last document, or None where bytes came.
        is_heard: Whether it was given piece by piece.
        has_sound: Whether any of what was given is sound.
    """

    mime_type: str
    sample_rate: int
    pieces: list[bytes] = field(default_factory=list)
    last: Response | None = None
    is_heard: bool = False
    has_sound: bool = False


class OpenAILikeSpeechClient(OpenAILike[SpeechPrompt, Audio], StreamedSpeechClient):
    """Speaks by `POST /audio/speech`.

    Attributes:
        path: Where speech is asked for, below the base URL.
        whole: Fields that ask for a finished file; an option of the prompt counts more.
        streamed: Fields that ask for samples as they are made; empty where that cannot be had.
        streams_unasked: Whether speech comes as a stream when somebody watches the call.
        sound_field: Name of the field that holds base64, in an event and in JSON; it belongs into
            `media_fields`, too.
        last_type: How the type of a stream's last event ends; empty where none need come.
        sample_rate: Hertz of samples whose mime type does not say it; a field of that name counts
            more.
        is_float: Samples are 32-bit floats.
    """

    path: ClassVar[str] = "/audio/speech"
    whole: ClassVar[Mapping[str, Any]] = {"response_format": "mp3"}
    streamed: ClassVar[Mapping[str, Any]] = {"response_format": "pcm"}
    streams_unasked: ClassVar[bool] = True
    sound_field: ClassVar[str] = "audio"
    media_fields = ("audio",)
    last_type: ClassVar[str] = ""
    sample_rate: ClassVar[int] = 24_000
    is_float: ClassVar[bool] = False

    def to_wire(self, prompt: SpeechPrompt) -> dict[str, Any]:
        """What is sent for *prompt*, but for the format."""
        fields = {
            "model": self.model,
            "input": prompt.text,
            "voice": prompt.voice,
            "instructions": prompt.style,
            "speed": None if prompt.speed == 1 else prompt.speed,
            "language": prompt.language,
            **prompt.options,
        }
        return without_none(fields)

    async def usage_of(self, response: Response, _context: CallContext) -> dict[str, Any]:
        """What was used up, as the last response or event says it."""
        return tokens_of(at(response.document, "usage"), "AUDIO")

    async def make(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """Speak *prompt*; as a stream where somebody listens, so that it sounds at once."""
        is_watched = context.listener is not None and self.streams_unasked
        is_heard = is_watched and self._streams(prompt)
        give = partial(self.report_sound, context=context) if is_heard else None
        speech, response = await self._speak(prompt, context, give)
        context.report(Decoding())
        usage = await self.usage_of(speech.last or response, context)
        provenance = await self.provenance(prompt, usage=usage, request_id=response.request_id)
        return await self._audio(speech, provenance)

    async def stream_to(
        self, prompt: SpeechPrompt, context: CallContext, give: Give
    ) -> Mapping[str, Any]:
        """As `stream`, in the caller's own task; returns what was used up."""
        heard = give if self._streams(prompt) else None
        speech, response = await self._speak(prompt, context, heard)
        if not speech.is_heard:
            audio = await self._audio(speech)
            with billed(self.provider):
                give(await asyncio.to_thread(audio.sound))
        return await self.usage_of(speech.last or response, context)

    def _streams(self, prompt: SpeechPrompt) -> bool:
        """Whether *prompt* can be heard while it is made: whoever asks for a file gets one."""
        return bool(self.streamed) and "response_format" not in prompt.options

    async def _speak(
        self, prompt: SpeechPrompt, context: CallContext, give: Give | None
    ) -> tuple[_Speech, Response]:
        """Ask for speech; what can be heard is given at once, unless *give* is None.

        Raises:
            ProviderError: The vendor ended the response without sound, or without its end.
        """
        fields = {**(self.streamed if give else self.whole), **self.to_wire(prompt)}
        name = str(fields.get("response_format"))
        mime_type = "audio/pcm" if name in _BARE_FORMATS else f"audio/{name}"
        speech = _Speech(mime_type, int(fields.get("sample_rate", self.sample_rate)))
        decoder = self._decoder(speech)

        def hear(response: Response) -> None:
            data = self._sound_in(response, speech)
            if not data:
                if text_at(response.document, "type").endswith(_LAST):
                    raise StreamEnded
                return
            if give and not speech.pieces:
                speech.is_heard = speech.mime_type.startswith(_HEARD) or wav.sniff(data)
            speech.pieces.append(data)
            if give and speech.is_heard:
                sound = decoder.decode(data, speech.mime_type)
                if sound.pcm:
                    speech.has_sound = True
                    give(sound)

        response = await self._transport.post(
            self.path, Json(fields), context, expect="pieces", sink=hear
        )
        is_silent = not speech.pieces or speech.is_heard > speech.has_sound
        if is_silent or not self._is_whole(speech, response):
            raise ProviderError(
                f"{self.label} ended the response before the end of the speech; ask again.",
                family="protocol",
                may_have_been_billed=True,
                **facts_of(response),
            )
        return speech, response

    def _sound_in(self, response: Response, speech: _Speech) -> bytes:
        """The sound in a piece, an event or a document.

        Raises:
            ProviderError: It is the vendor's word of an error.
        """
        document = response.document
        if document is None:
            kind = response.headers.get("Content-Type", "").lower()
            if kind.startswith(("audio/", "text/")):
                speech.mime_type = kind
            return response.content
        kinds = (response.event, at(document, "object"), at(document, "type"))
        if "error" in kinds or at(document, "error"):
            raise self.read_error(response.failed_part(document, 500))
        speech.last = response
        sound = at(document, self.sound_field)
        return response.media_bytes(sound) if isinstance(sound, str) else b""

    def _is_whole(self, speech: _Speech, response: Response) -> bool:
        """Whether the last event came, where events came and one of them has to be the last."""
        kind = response.headers.get("Content-Type", "")
        last = text_at(speech.last.document, "type") if speech.last else ""
        return not kind.startswith("text/event-stream") or last.endswith(self.last_type)

    async def _audio(self, speech: _Speech, provenance: Provenance | None = None) -> Audio:
        """All that has come, as one file."""
        data = b"".join(speech.pieces)
        if speech.mime_type.startswith(BARE) and not wav.sniff(data):
            sound = self._decoder(speech).decode(data, speech.mime_type)
            with billed(self.provider):
                return await asyncio.to_thread(joined, [sound], provenance)
        if wav.sniff(data):
            data = await asyncio.to_thread(wav.with_all_sound, data)
        return await self.load_media(data, provenance=provenance)

    def _decoder(self, speech: _Speech) -> SoundDecoder:
        return SoundDecoder(
            self.provider, self.label, sample_rate=speech.sample_rate, is_float=self.is_float
        )
