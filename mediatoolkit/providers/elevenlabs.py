"""Speech, dialogue, sounds and music by ElevenLabs, and the voices there are."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, ClassVar

from mediatoolkit.errors import PromptError, ProviderError, RefusalError
from mediatoolkit.media import Audio, Captions, Sound
from mediatoolkit.media.containers import wav
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers import elevenlabs_models as models
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.documents import at, objects_at, text_at, without_none
from mediatoolkit.providers.http import HttpClient, facts_of, sentence
from mediatoolkit.providers.long_speech import LongSpeech
from mediatoolkit.providers.sound import SoundDecoder
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.transport import ErrorResponse, Response

_STREAMED_RATE = 24_000  # Hertz; higher ones are not in every plan
_ALIGNMENT = ("characters", "character_start_times_seconds", "character_end_times_seconds")
_WORD, _TAG = re.compile(r"\S+"), re.compile(r"\[[^\[\]]*\]")
_COST = ("character-cost", "x-character-count")
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,6})?")
_IDS = ("history-item-id", "song-id")
_PAGES = 50
_REFUSED = re.compile("moderat|polic|prohibit|unsafe|violat")
_PARALLEL = "Your plan takes a few requests at once: set limits=mt.Limits(concurrency=…)."
_ADVICE = {
    "too_many_concurrent_requests": _PARALLEL,
    "concurrent_limit_exceeded": _PARALLEL,
    "system_busy": "Its servers are busy, and nothing was made.",
    "403": "Your plan or key does not allow it. MP3 of 192 kbit needs the Creator plan, PCM and "
    'WAV from 44.1 kHz the Pro plan; output_format="mp3_44100_128" is in every plan.',
}


class ElevenLabsSpeechClient(HttpClient[SpeechPrompt, Audio], LongSpeech):
    """Speaks with ElevenLabs's voices, and makes sounds and music.

    Args:
        api_key: Left out, `ELEVENLABS_API_KEY` is read.
        base_url: Left out, ElevenLabs's own.
        model: The vendor's name; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read; the plan says how many requests
            it takes at once.
        trusted_origins: Further origins that previews may be fetched from even when they are
            private; the key goes to none of them.

    `voice=` takes an id, as `voices()` lists them, and `speakers=` up to ten of them. `speed=` is
    from 0.7 to 1.2. `style=` becomes a tag before the text, such as `[cheerful]`; the text itself
    may hold more of them. What is spoken has a caption for each word, unless `captions=False`.

    A prompt's other `options` may be: `stability`, `similarity_boost`, `style_exaggeration`,
    `clone_strength` (each from 0 to 1), `use_speaker_boost`, `seed` (0 to 4,294,967,295),
    `previous_text` and `next_text` (what is heard around it; not with `eleven_v3`),
    `apply_text_normalization` (`"auto"`, `"on"`, `"off"`), `enable_logging`, and `output_format`:
    `"mp3_44100_128"` where it is left out, other rates, `"opus_48000_64"`, `"pcm_24000"`,
    `"wav_24000"`. MP3 of 192 kbit needs the Creator plan, PCM and WAV from 44.1 kHz the Pro plan.
    Without captions, speech in a `pcm_` format is heard while it is made.

    A long text is spoken in parts and joined to a WAV: a request takes 2,000 characters of a
    dialogue, 30,000 or 40,000 with the flash models, else 5,000 or 10,000.

    The models `eleven_text_to_sound_…` make sounds: `seconds` (0.5 to 30), `loop`,
    `prompt_influence` (0 to 1). The models `music_…` make music: `seconds` (3 to 600),
    `force_instrumental`, `finetune_id`, `sign_with_c2pa`.
    """

    provider = "elevenlabs"
    label = "ElevenLabs"
    key_names = ("ELEVENLABS_API_KEY",)
    default_base_url = "https://api.elevenlabs.io"
    auth_header = "xi-api-key"
    auth_prefix = ""
    media_fields = ("audio_base64",)
    quota_codes = frozenset({"quota_exceeded"})
    default_timeout = Timeout(total=600)
    catalog: ClassVar[tuple[ModelInfo, ...]] = tuple(
        ModelInfo(f"elevenlabs/{name}", rules) for name, rules in models.MODELS.items()
    )

    @property
    def capabilities(self) -> Capabilities:
        """What the model takes; one that is not listed takes what its family does."""
        info = self._info()
        return info.capabilities if info else models.rules_of(self.model)

    def facts(self, prompt: SpeechPrompt) -> Facts:
        """As for each client, with the seconds of a sound or of music."""
        seconds = {"seconds": prompt.options.get("seconds")}
        return {**super().facts(prompt), **without_none(seconds)}

    def longest(self, prompt: SpeechPrompt) -> int:
        """Characters of the text that one request takes, beside the tag of its style."""
        if not self._speaks:
            return len(prompt.text)
        longest = models.LONGEST.get(self.model, models.LONGEST_OF_OTHERS)
        if prompt.speakers:
            longest = models.LONGEST_DIALOGUE
        return longest - len(models.tag_of(prompt))

    def is_compressed(self, prompt: SpeechPrompt) -> bool:
        """Whether it comes as MP3 or Opus."""
        return not models.format_of(prompt).startswith(("pcm", "wav"))

    async def make_part(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """Ask for the sound, and for its times where captions are wanted."""
        captions, rate = Captions(), models.rate_of(models.format_of(prompt))
        if self._speaks and prompt.options.get("captions", True):
            response = await self._ask("/with-timestamps", prompt, context)
            data = response.media_bytes(at(response.document, "audio_base64"))
            captions = _captions(response.document, has_tags=models.has_tags(self.model))
        elif self._speaks and rate and context.listener:
            pieces: list[bytes] = []

            def hear(sound: Sound) -> None:
                pieces.append(sound.pcm)
                self.report_sound(sound, context)

            response = await self._stream(prompt, context, hear)
            data = b"".join(pieces)
        else:
            response = await self._ask("", prompt, context, expect="bytes")
            data = response.content
        context.report(Decoding())
        if rate:
            data = wav.wrapped(data[: len(data) // 2 * 2], sample_rate=rate, channels=1)
        ids = {name: response.safe_text(response.headers.get(name)) for name in _IDS}
        provenance = await self.provenance(
            prompt,
            seed=prompt.options.get("seed"),
            usage=_usage(response),
            request_id=response.request_id,
            notes={"captions": captions.to_plain(), **ids},
        )
        return await self.load_media(data, provenance=provenance)

    async def stream_part(
        self, prompt: SpeechPrompt, context: CallContext, give: Callable[[Sound], None]
    ) -> Mapping[str, Any]:
        """Give speech as it is made; a sound or music comes in one piece."""
        if not self._speaks:
            return await super().stream_part(prompt, context, give)
        return _usage(await self._stream(prompt, context, give))

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error in a `detail`: an object, a text, or a list of complaints."""
        detail = at(response.document, "detail")
        codes = [response.safe_text(at(detail, name), 60) for name in ("status", "code")]
        words = sentence(response.safe_text(_words_of(detail)))
        facts = facts_of(response)
        refused = next(filter(_REFUSED.search, codes), None)
        if refused:
            text = f"ElevenLabs refused the prompt ({refused}): {words} Say it differently."
            return RefusalError(text, reason=refused, **facts)
        if "voice_not_found" in codes:
            listed = "await mt.ElevenLabsSpeechClient().voices() lists the ids."
            text = f"ElevenLabs has no such voice: {words} {listed}"
            return ProviderError(text, family="request", **facts)
        advice = next(filter(None, map(_ADVICE.get, [*codes, str(response.status)])), "")
        return self.error_of(response, f"{words} {advice}".strip(), codes)

    async def voices(
        self,
        *,
        search: str | None = None,
        category: str | None = None,
        voice_type: str | None = None,
        timeout: float | Timeout | None = None,
    ) -> "list[ElevenLabsVoice]":
        """List the voices that the key may use.

        Args:
            search: Words in what is said of a voice.
            category: Such as `"premade"`, `"cloned"`, `"generated"` or `"professional"`.
            voice_type: The vendor's word.
            timeout: Seconds for everything together.
        """
        filters = {"search": search, "category": category, "voice_type": voice_type}
        query = {"page_size": "100", **without_none(filters)}
        voices: list[ElevenLabsVoice] = []
        async with context_for(timeout, self.timeout) as context:
            for _ in range(_PAGES):
                response = await self._transport.get("/v2/voices", context, query=query)
                voices += _read_voices(response)
                query["next_page_token"] = text_at(response.document, "next_page_token")
                if not query["next_page_token"]:
                    break
        return voices

    async def preview(
        self, voice: "ElevenLabsVoice", *, timeout: float | Timeout | None = None
    ) -> Audio:
        """Fetch how *voice* sounds; costs nothing.

        Raises:
            PromptError: It is no voice of `voices`.
            ProviderError: The vendor has no sample of it.
        """
        if not isinstance(voice, ElevenLabsVoice):
            raise PromptError(f"preview takes a voice of voices(), not {type(voice).__name__}.")
        if not voice.preview_url:
            raise ProviderError(f"There is no sample of {voice.name}.", provider=self.provider)
        async with context_for(timeout, self.timeout) as context:
            return await Audio.load(await self._transport.fetch(voice.preview_url, context))

    @property
    def _speaks(self) -> bool:
        return models.kind_of(self.model) == "speech"

    async def _ask(
        self, manner: str, prompt: SpeechPrompt, context: CallContext, **options: Any
    ) -> Response:
        path, body = models.to_wire(prompt, self.model)
        options["query"] = {**models.query_of(prompt), **options.get("query", {})}
        return await self._transport.post(f"{path}{manner}", body, context, **options)

    async def _stream(
        self, prompt: SpeechPrompt, context: CallContext, give: Callable[[Sound], None]
    ) -> Response:
        """Give bare samples as they come; returns a response without them."""
        rate = models.rate_of(models.format_of(prompt)) or _STREAMED_RATE
        decoder = SoundDecoder(self.provider, self.label, sample_rate=rate)
        heard = 0

        def hear(piece: Response) -> None:
            nonlocal heard
            mime_type = piece.headers.get("Content-Type", "").lower()
            is_text = mime_type.startswith(("text/", "application/json"))
            sound = decoder.decode(piece.content, mime_type if is_text else "audio/pcm")
            heard += len(sound.pcm)
            give(sound)

        query = {"output_format": f"pcm_{rate}"}
        response = await self._ask(
            "/stream", prompt, context, query=query, expect="pieces", sink=hear
        )
        if not heard:
            raise ProviderError(
                "ElevenLabs sent no sound; ask again.",
                family="protocol",
                may_have_been_billed=True,
                **facts_of(response),
            )
        return response


def _usage(response: Response) -> dict[str, Any]:
    """Credits of the plan; a character takes one, with some models less."""
    costs = (response.headers.get(name, "") for name in _COST)
    cost = next(filter(_NUMBER.fullmatch, costs), None)
    return {"credits": float(cost) if "." in cost else int(cost)} if cost else {}


def _words_of(detail: object) -> str:
    """What an error's `detail` says."""
    message = detail if isinstance(detail, str) else text_at(detail, "message")
    place = at(detail, 0, "loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return message or " ".join(filter(None, (where, text_at(detail, 0, "msg"))))


def _captions(document: object, *, has_tags: bool) -> Captions:
    """Each word and its times, as written; none where the vendor tells no times."""
    characters, starts, ends = (at(document, "alignment", name) or [] for name in _ALIGNMENT)
    with contextlib.suppress(LookupError, OverflowError, TypeError):
        places = [place for place, letters in enumerate(characters) for _ in letters]
        text = "".join(characters)
        if has_tags:  # which nobody hears
            text = _TAG.sub(lambda tag: " " * len(tag[0]), text)
        segments = objects_at(document, "voice_segments")
        turns = (segment.get("character_start_index") for segment in segments)
        offsets = dict(enumerate(accumulate(map(len, characters), initial=0)))
        known = (turn for turn in turns if isinstance(turn, int) and turn in offsets)
        cuts = {0, *map(offsets.__getitem__, known), len(text)}
        words = [
            (starts[places[word.start()]], ends[places[word.end() - 1]], word[0])
            for start, end in pairwise(sorted(cuts))
            for word in _WORD.finditer(text, start, end)
        ]
        return Captions.from_plain(words)
    return Captions()


@dataclass(frozen=True, slots=True)
class ElevenLabsVoice:
    """One voice that a key may use.

    Attributes:
        voice_id: What `voice=` takes.
        name: What it is called.
        category: Such as `"premade"`, `"cloned"` or `"professional"`.
        facts: What the vendor says of it: description, accent, gender, age, …
        preview_url: Where a sample of it is, or empty; `client.preview(voice)` fetches it.
    """

    voice_id: str
    name: str
    category: str
    facts: Mapping[str, str]
    preview_url: str = field(default="", repr=False)


def _read_voices(response: Response) -> Iterator[ElevenLabsVoice]:
    for voice in objects_at(response.document, "voices"):
        voice_id = response.safe_text(voice.get("voice_id"))
        labels = voice.get("labels")
        facts = {
            **(labels if isinstance(labels, dict) else {}),
            "description": voice.get("description"),
        }
        words = {name: response.safe_text(fact) for name, fact in facts.items()}
        if voice_id:
            yield ElevenLabsVoice(
                voice_id,
                response.safe_text(voice.get("name")) or voice_id,
                response.safe_text(voice.get("category"), 40),
                {name: text for name, text in words.items() if text},
                text_at(voice, "preview_url"),
            )
