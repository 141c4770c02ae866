"""Gemini speech: both ways to write a style, sound as it is made, the catalogue of voices."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.gemini import speech
from mediatoolkit.providers.gemini.speech import GeminiVoice
from mediatoolkit.providers.sound import SoundDecoder
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Progress, Sounding
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator import faults as f
from tests.providers.conftest import KEY
from tests.providers.test_gemini import normal
from tests.transport.server import Reply, head, raw, serving

pytestmark = pytest.mark.filterwarnings("ignore:gemini/.* end:FutureWarning")

WIRE = Path(__file__).parents[1] / "wire"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[mt.GeminiSpeechClient]:
    async with mt.GeminiSpeechClient(api_key=KEY, base_url=sim.url) as gemini:
        yield gemini


def recorded(name: str) -> dict[str, Any]:
    requests: list[dict[str, Any]] = json.loads((WIRE / f"{name}.json").read_text())["requests"]
    return requests[0]


async def test_a_text_becomes_a_wav_with_its_origin(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    audio = await client.generate(mt.SpeechPrompt("Hello there.", voice="Kore", style="cheerful"))
    assert (audio.mime_type, audio.sample_rate, audio.channels) == ("audio/wav", 24_000, 1)
    assert audio.seconds > 0.2
    record = audio.provenance
    assert record
    assert record.model == "gemini/gemini-3.8-flash-tts"
    assert record.options == {"voice": "Kore", "style": "cheerful"}
    body = sim.requests[0].body
    (part,) = body["contents"][0]["parts"]
    assert part == {"text": "Hello there.", "speechMetadata": {"style": "cheerful"}}


@pytest.mark.parametrize("form", ["pcm", "pcm_rfc", "wav", "endless_wav"])
async def test_every_form_of_sound_is_read(
    sim: Simulator, client: mt.GeminiSpeechClient, form: str
) -> None:
    sim.then(f.SoundAs(form))  # type: ignore[arg-type]
    audio = await client.generate("Hello there.")
    plain = await client.generate("Hello there.")
    assert audio.seconds == pytest.approx(plain.seconds, abs=0.01)


@pytest.mark.parametrize("form", ["pcm", "pcm_rfc", "wav", "endless_wav"])
async def test_every_form_of_sound_is_heard_piece_by_piece(
    sim: Simulator, client: mt.GeminiSpeechClient, form: str
) -> None:
    """Of a streamed WAV only the first piece has a head."""
    async with mt.VoiceAgent(client) as agent:
        plain = await agent.generate("Hello there. And you?")
        sim.then(f.SoundAs(form))  # type: ignore[arg-type]
        heard = [sound async for sound in agent.stream("Hello there. And you?")]
    assert len(heard) > 1
    assert b"".join(sound.pcm for sound in heard) == plain.sound().pcm


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_continued_answer_is_asked_for_to_its_end(
    sim: Simulator,
    client: mt.GeminiSpeechClient,
    streamed: bool,  # noqa: FBT001
) -> None:
    sim.then(f.Continuation())
    async with mt.VoiceAgent(client) as agent:
        assert await spoken(agent, "Hello there.", streamed=streamed) > 0.2
    assert "continuationToken" in sim.requests[1].body


@pytest.mark.parametrize("streamed", [False, True])
async def test_speech_that_is_broken_off_does_not_pass_for_whole(
    sim: Simulator,
    client: mt.GeminiSpeechClient,
    streamed: bool,  # noqa: FBT001
) -> None:
    sim.then(f.BrokenOff("MAX_TOKENS"), f.BrokenOff("SOMETHING_NEW"))
    async with mt.VoiceAgent(client) as agent:
        with pytest.raises(mt.ProviderError, match="MAX_TOKENS") as caught:
            await spoken(agent, "Hello there.", streamed=streamed)
        assert await spoken(agent, "Hello there.", streamed=streamed) > 0.2
    assert caught.value.may_have_been_billed


@pytest.mark.parametrize("streamed", [False, True])
async def test_speech_that_is_refused_after_its_first_words_may_be_billed(
    sim: Simulator,
    client: mt.GeminiSpeechClient,
    streamed: bool,  # noqa: FBT001
) -> None:
    sim.then(f.BrokenOff("SAFETY"), f.Continuation(), f.PromptBlocked())
    async with mt.VoiceAgent(client) as agent:
        for _ in range(2):
            with pytest.raises(mt.RefusalError) as caught:
                await spoken(agent, "Hello there.", streamed=streamed)
            assert caught.value.may_have_been_billed


@pytest.mark.parametrize("streamed", [False, True])
async def test_words_in_place_of_speech_are_told(
    sim: Simulator,
    client: mt.GeminiSpeechClient,
    streamed: bool,  # noqa: FBT001
) -> None:
    sim.then(f.TextOnly("I will not say that."))
    async with mt.VoiceAgent(client) as agent:
        with pytest.raises(mt.RefusalError, match="I will not say that") as caught:
            await spoken(agent, "Hello there.", streamed=streamed)
    assert caught.value.reason == "TEXT_ONLY"
    assert caught.value.may_have_been_billed
    assert caught.value.request_id


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_page_is_never_sound(
    sim: Simulator,
    client: mt.GeminiSpeechClient,
    streamed: bool,  # noqa: FBT001
) -> None:
    sim.then(f.BadSound("html"))
    async with mt.VoiceAgent(client) as agent:
        with pytest.raises(mt.MediaError, match="neither") as caught:
            await spoken(agent, "Hello there.", streamed=streamed)
    assert caught.value.may_have_been_billed


def event(pcm: bytes, **candidate: Any) -> dict[str, Any]:
    data = base64.b64encode(pcm).decode()
    part = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": data}}
    return {"candidates": [{"content": {"parts": [part]}, **candidate}]}


def events(*documents: Any) -> Reply:
    """A stream whose only end is that of its connection."""
    stream = "".join(f"data: {json.dumps(document)}\r\n\r\n" for document in documents)
    return raw(
        head(Content_Type="text/event-stream", Connection="close") + stream.encode(), stays=False
    )


async def test_a_stream_without_a_last_word_was_cut() -> None:
    async with serving() as server, mt.GeminiSpeechClient(KEY, base_url=server.url) as client:
        server.then(events(event(bytes(480)), event(bytes(480))))
        async with mt.VoiceAgent(client) as agent:
            with pytest.raises(mt.ProviderError, match="cut off; ask again") as caught:
                await spoken(agent, "Hello there.", streamed=True)
    assert caught.value.family == "protocol"
    assert caught.value.may_have_been_billed


@pytest.mark.parametrize("nothing", [{"candidates": []}, {"promptFeedback": {"safetyRatings": []}}])
async def test_an_event_of_a_stream_may_say_nothing(nothing: Any) -> None:
    async with serving() as server, mt.GeminiSpeechClient(KEY, base_url=server.url) as client:
        server.then(events(nothing, event(bytes(480), finishReason="STOP"), nothing))
        async with mt.VoiceAgent(client) as agent:
            assert await spoken(agent, "Hello there.", streamed=True) == 240 / 24_000


def test_a_sample_may_be_cut_between_two_pieces() -> None:
    decoder, pcm = SoundDecoder("gemini", "Gemini"), bytes(range(1, 13))
    pieces = (pcm[:3], pcm[3:4], pcm[4:9], pcm[9:])
    heard = [decoder.decode(piece, "audio/l16; channels=2") for piece in pieces]
    assert b"".join(sound.pcm for sound in heard) == pcm
    assert all(len(sound.pcm) % 4 == 0 for sound in heard)


async def spoken(agent: mt.VoiceAgent, text: str, *, streamed: bool) -> float:
    """Seconds of *text*, as a whole or piece by piece."""
    if streamed:
        return sum([sound.seconds async for sound in agent.stream(text)])
    return (await agent.generate(text)).seconds


@pytest.mark.parametrize(
    ("mime_type", "rate", "channels"),
    [
        ("audio/L16;codec=pcm;rate=16000", 16_000, 1),
        ("audio/l16; rate=48000; channels=2", 48_000, 2),
        ("audio/L16", 24_000, 1),
        ("audio/L16;rate=0000", 24_000, 1),
    ],
)
def test_rate_and_channels_come_from_the_mime_type(
    mime_type: str, rate: int, channels: int
) -> None:
    sound = SoundDecoder("gemini", "Gemini").decode(bytes(800), mime_type)
    assert (sound.sample_rate, sound.channels) == (rate, channels)
    assert GeminiVoice("x", "prebuilt", {}, (bytes(800), mime_type)).preview().sample_rate == rate


async def test_an_older_model_finds_the_style_in_the_text(sim: Simulator) -> None:
    model = "gemini-3.1-flash-tts-preview"
    async with mt.GeminiSpeechClient(api_key=KEY, base_url=sim.url, model=model) as client:
        await client.generate(mt.SpeechPrompt("Hello.", voice="Kore", style="cheerful"))
    body = sim.requests[0].body
    (part,) = body["contents"][0]["parts"]
    assert part == {"text": "Say in a way that is cheerful: Hello."}
    config = body["generationConfig"]["speechConfig"]
    assert config == {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}


@pytest.mark.parametrize("model", ["gemini-2.5-flash-preview-tts", "gemini-3.1-flash-tts-preview"])
async def test_an_older_model_is_told_to_read_aloud(sim: Simulator, model: str) -> None:
    """Without a lead it takes a question for one that it shall answer, and refuses."""
    speakers = {"Joe": "Kore", "Jane": "Puck"}
    async with mt.GeminiSpeechClient(api_key=KEY, base_url=sim.url, model=model) as client:
        await client.generate("Who are you?")
        await client.generate(mt.SpeechPrompt("Joe: Who?\nJane: I.", speakers=speakers))
        await client.generate(
            mt.SpeechPrompt("Joe: Who?\nJane: I.", speakers=speakers, style="calm")
        )
    bodies = [request.body for request in sim.requests]
    assert [body["contents"][0]["parts"][0]["text"] for body in bodies] == [
        "Read aloud: Who are you?",
        "TTS the following conversation:\nJoe: Who?\nJane: I.",
        "TTS the following conversation in a way that is calm:\nJoe: Who?\nJane: I.",
    ]


async def test_a_model_that_answers_a_text_says_how_to_have_it_read(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    message = "Model tried to generate text, but it should only be used for TTS."
    sim.then(f.Status(400, message=message))
    with pytest.raises(
        mt.ProviderError, match=r"only be used for TTS\. Say how .* style="
    ) as caught:
        await client.generate("Who are you?")
    assert not caught.value.may_have_been_billed


async def test_an_error_within_a_stream_has_the_id_of_the_answer(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    sim.then(f.StreamError())
    async with mt.VoiceAgent(client) as agent:
        with pytest.raises(mt.ProviderError) as caught:
            await spoken(agent, "Hello there.", streamed=True)
    assert caught.value.request_id


async def test_two_speakers_have_a_voice_and_their_lines(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    prompt = mt.SpeechPrompt(
        "Joe: Hello there.\nJane: Hi!", speakers={"Joe": "Kore", "Jane": "Puck"}
    )
    await client.generate(prompt)
    body = sim.requests[0].body
    lines = [(p["text"], p["speechMetadata"]["speaker"]) for p in body["contents"][0]["parts"]]
    assert lines == [("Hello there.", "Joe"), ("Hi!", "Jane")]


async def test_one_voice_is_the_sdks_field_by_field(sim: Simulator) -> None:
    """Named difference: to a newer model we name the voice in its newer field.

    The recording has its instruction in the text, as older models want it.
    """
    sdk = recorded("gemini.tts_single")
    theirs = normal(sdk["body"])
    part = theirs["contents"][0]["parts"][0]
    prompt = mt.SpeechPrompt("hello", voice="Kore", language="en-US")
    for model in ("gemini-3.1-flash-tts-preview", "gemini-3.8-flash-tts"):
        async with mt.GeminiSpeechClient(api_key=KEY, base_url=sim.url, model=model) as client:
            await client.generate(prompt)
    older, newer = (normal(request.body) for request in sim.requests)
    part["text"] = "Read aloud: hello"
    assert older == theirs
    part["text"] = "hello"
    theirs["generationConfig"]["speechConfig"]["voiceConfig"] = {"voice": "Kore"}
    assert newer == theirs


async def test_a_dialogue_is_the_sdks_field_by_field(sim: Simulator) -> None:
    """Named difference: the words of the instruction before the dialogue."""
    sdk = recorded("gemini.tts_multi")
    body = normal(sdk["body"])
    part = body["contents"][0]["parts"][0]
    text = part["text"][part["text"].index("Joe:") :]
    part["text"] = f"TTS the following conversation:\n{text}"
    model = "gemini-2.5-pro-preview-tts"
    speakers = {
        config["speaker"]: config["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"]
        for config in body["generationConfig"]["speechConfig"]["multiSpeakerVoiceConfig"][
            "speakerVoiceConfigs"
        ]
    }
    async with mt.GeminiSpeechClient(api_key=KEY, base_url=sim.url, model=model) as client:
        await client.generate(mt.SpeechPrompt(text, speakers=speakers))
    assert normal(sim.requests[0].body) == body


async def test_a_long_text_is_split_at_sentences_and_joined(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    text = "The fox runs over the hill. " * 400
    audio = await client.generate(text)
    sent = [request.body["contents"][0]["parts"][0]["text"] for request in sim.requests]
    assert len(sent) == 3
    assert all(len(text) <= 4_000 for text in sent)
    assert sorted("".join(sent)) == sorted(text)
    assert audio.provenance
    assert audio.provenance.prompt == text
    assert audio.seconds > 100
    assert audio.provenance.usage["output"]["AUDIO"] == pytest.approx(25 * audio.seconds, abs=9)


async def test_nothing_more_is_asked_for_when_one_part_has_failed(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    sim.always(f.PromptBlocked())
    with pytest.raises(mt.RefusalError):
        await client.generate("The fox runs over the hill. " * 3_000)
    assert len(sim.requests) <= 4


async def test_a_long_dialogue_is_cut_between_its_lines(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    lines = ["Joe: " + "I saw a fox. " * 350, *["Jane: No!", "Joe: Oh yes, I saw one."] * 100]
    prompt = mt.SpeechPrompt("\n".join(lines), speakers={"Joe": "Kore", "Jane": "Puck"})
    audio = await client.generate(prompt)
    bodies = [request.body for request in sim.requests]
    texts = [[part["text"] for part in body["contents"][0]["parts"]] for body in bodies]
    assert all(sum(map(len, parts)) <= 4_000 for parts in texts)
    words = sorted(" ".join(" ".join(parts) for parts in texts).split())
    assert words == sorted(" ".join(text for _, text in prompt.lines()).split())
    voices = [sorted(body["generationConfig"]["speechConfig"]) for body in bodies]
    assert sorted(voices) == [["multiSpeakerVoiceConfig"]] + [["voiceConfig"]] * (len(voices) - 1)
    assert audio.provenance
    assert audio.provenance.options == {"speakers": {"Joe": "Kore", "Jane": "Puck"}}


async def test_an_older_model_has_the_prebuilt_voices_alone(sim: Simulator) -> None:
    model = "gemini-2.5-flash-preview-tts"
    async with mt.GeminiSpeechClient(api_key=KEY, base_url=sim.url, model=model) as client:
        with pytest.raises(mt.PromptError, match=r"no voice 'Kora'; it has .*Kore"):
            await client.generate(mt.SpeechPrompt("Hello.", voice="Kora"))
    assert sim.requests == []


async def test_the_first_sound_is_heard_before_the_last_is_sent(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    """The simulator holds the rest back until the first piece was heard."""
    gate = f.Gate()
    sim.then(gate)
    prompt = mt.SpeechPrompt("One. Two. Three. Four. Five. Six.")
    pieces = []
    async with CallContext(20) as context, aclosing(client.stream(prompt, context)) as sounds:
        async for sound in sounds:
            pieces.append(sound)
            gate.open()
    assert len(pieces) > 1
    assert all(piece.sample_rate == 24_000 for piece in pieces)


async def test_an_agent_streams_and_may_be_left_early(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    sim.always(f.Gate())
    async with mt.VoiceAgent(client) as agent:
        async with aclosing(agent.stream("One. Two. Three. Four.")) as sounds:
            async for sound in sounds:
                assert sound.pcm
                break
        await sim.until(lambda: sim.aborted == 1)


async def test_a_stream_that_is_refused_carries_the_reason(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    sim.then(f.PromptBlocked("SAFETY", "not this"))
    async with mt.VoiceAgent(client) as agent:
        with pytest.raises(mt.RefusalError) as caught:
            await anext(agent.stream("Hello."))
    assert caught.value.reason == "SAFETY"
    assert not caught.value.may_have_been_billed


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ({"text": "Hello.", "speed": 2}, "style="),
        ({"text": "A: a\nB: b\nC: c", "speakers": {"A": "x", "B": "y", "C": "z"}}, "two speakers"),
        ({"text": "Hello.", "options": {"pitch": 3}}, "has no option pitch="),
    ],
)
async def test_what_gemini_does_not_speak_is_refused_before_it_is_sent(
    sim: Simulator, client: mt.GeminiSpeechClient, prompt: dict[str, Any], words: str
) -> None:
    with pytest.raises(mt.PromptError, match=words):
        await client.generate(mt.SpeechPrompt(**prompt))
    assert sim.requests == []


async def test_voices_are_listed_filtered_and_heard(client: mt.GeminiSpeechClient) -> None:
    everybody = await client.voices()
    assert len(everybody) >= 30
    kore = next(voice for voice in everybody if voice.name == "Kore")
    assert kore.kind == "prebuilt"
    assert kore.preview().seconds > 0
    women = await client.voices(gender="female")
    assert 0 < len(women) < len(everybody)
    english = await client.voices(language_code=["en-US", "en-GB"], gender="female")
    assert 0 < len(english) < len(women)
    assert {voice.facts["language_code"] for voice in english} == {"en-US", "en-GB"}
    with pytest.raises(mt.PromptError, match="language_code"):
        await client.voices(langauge="en")


async def test_every_page_of_the_catalogue_is_read(
    sim: Simulator, client: mt.GeminiSpeechClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await client.voices()
    monkeypatch.setattr(speech, "_PAGE", 12)
    assert await client.voices() == whole
    assert len(sim.requests) == 1 + 3


async def test_a_watched_job_can_be_heard_while_it_is_made(
    sim: Simulator, client: mt.GeminiSpeechClient
) -> None:
    heard: list[Sounding] = []

    def hear(progress: Progress) -> None:
        if isinstance(progress.event, Sounding):
            heard.append(progress.event)

    async with mt.VoiceAgent(client) as agent:
        job = agent.start("One. Two. Three. Four. Five. Six.")
        job.subscribe(hear)
        audio = await job
    assert len(heard) > 1
    assert b"".join(sound.pcm for sound in heard) == audio.sound().pcm
    assert sim.requests[0].path.endswith(":streamGenerateContent")
    assert audio.provenance
    assert audio.provenance.usage
