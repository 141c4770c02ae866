"""The simulated speech models and their voices."""

import asyncio
import base64
import io
import wave
from typing import Any

import aiohttp
import numpy as np
import pytest

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.gemini.catalog import DEFAULT_VOICE
from mediatoolkit.simulator.sounds import RATE, Utterance, pitch, speak
from tests.simulator.bodies import asking, b64, parts_of, path, png
from tests.simulator.conftest import Ask

NEW, OLD = "gemini-3.8-flash-tts", "gemini-2.5-pro-preview-tts"
AUDIO = {"responseModalities": ["AUDIO"]}
KORE = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}


def saying(*parts: Any, **speech: Any) -> dict[str, Any]:
    """A request for speech; a part may be plain text."""
    texts = [{"text": part} if isinstance(part, str) else part for part in parts]
    return asking(*texts, **AUDIO, **({"speechConfig": speech} if speech else {}))


def several(**voices: str) -> dict[str, Any]:
    speakers = [
        {"speaker": name, "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
        for name, voice in voices.items()
    ]
    return {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": speakers}}


def marked(text: str, **facts: str) -> dict[str, Any]:
    return {"text": text, "speechMetadata": facts}


def sound_of(answer: dict[str, Any]) -> bytes:
    (part,) = parts_of(answer)
    assert part["inlineData"]["mimeType"] == "audio/L16;codec=pcm;rate=24000"
    return base64.b64decode(part["inlineData"]["data"])


class TestSound:
    """The tones that stand for speech."""

    def test_the_same_lines_sound_the_same_and_others_differ(self) -> None:
        lines = [
            Utterance("a fox", "Kore"),
            Utterance("a fox", "Puck"),
            Utterance("a fox", "Kore", "sad"),
        ]

        assert speak(lines[:1]) == speak([Utterance("a fox", "Kore")])
        assert len({speak([line]) for line in lines}) == 3

    def test_the_length_follows_the_text(self) -> None:
        assert len(speak([Utterance("word " * 20, "Kore")])) == 20 * len(
            speak([Utterance("word", "Kore")])
        )
        assert speak([Utterance(" ", "Kore")]) == b""

    def test_a_voice_is_known_by_its_pitch(self) -> None:
        sound = np.frombuffer(speak([Utterance("a" * 50, "Kore")]), np.int16).astype(float)
        loudest = np.argmax(np.abs(np.fft.rfft(sound))) * RATE / len(sound)

        assert pitch("Kore") * 0.98 < loudest < pitch("Kore") * 1.12

    def test_another_rate_keeps_the_duration(self) -> None:
        hello = [Utterance("hello", "Kore")]

        assert len(speak(hello, 8000)) == len(speak(hello)) // 2 // 3 * 2


SPOKEN: dict[str, tuple[str, dict[str, Any], list[Utterance]]] = {
    "no voice": (NEW, saying("Hi"), [Utterance("Hi", DEFAULT_VOICE)]),
    "one voice": (OLD, saying("Hi", **KORE, languageCode="en-US"), [Utterance("Hi", "Kore")]),
    "catalog name": (NEW, saying("Hi", voiceConfig={"voice": "Puck"}), [Utterance("Hi", "Puck")]),
    "cloned": (
        NEW,
        saying("Hi", voiceConfig={"voice": "voice_a-1"}),
        [Utterance("Hi", "voice_a-1")],
    ),
    "snake case": (
        NEW,
        saying("Hi", voice_config={"prebuilt_voice_config": {"voice_name": "Leda"}}),
        [Utterance("Hi", "Leda")],
    ),
    "two parts": (NEW, saying("Hi.", "You."), [Utterance("Hi. You.", DEFAULT_VOICE)]),
    "verbatim": (NEW, saying("Say sadly: hi"), [Utterance("Say sadly: hi", DEFAULT_VOICE)]),
    "instruction": (OLD, saying("Say sadly: hi"), [Utterance("hi", DEFAULT_VOICE)]),
    "style": (NEW, saying(marked("Hi", style="sad"), **KORE), [Utterance("Hi", "Kore", "sad")]),
    "speakers without voices": (
        NEW,
        saying(marked("Hi", speaker="Joe"), marked("Ho", speaker="Jane"), **KORE),
        [Utterance("Hi Ho", "Kore")],
    ),
    "speakers with voices": (
        NEW,
        saying(
            marked("Hi", speaker="Joe"),
            marked("Ho", speaker="Jo"),
            **several(Joe="Leda", Jo="Orus"),
        ),
        [Utterance("Hi", "Leda"), Utterance("Ho", "Orus")],
    ),
    "dialogue": (
        OLD,
        saying("TTS this:\nJo: one\nJoe : two: three\nJo: four", **several(Joe="Leda", Jo="Orus")),
        [Utterance("one", "Orus"), Utterance("two: three", "Leda"), Utterance("four", "Orus")],
    ),
    "dialogue without names": (
        NEW,
        saying("one two", **several(Joe="Leda")),
        [Utterance("one two", "Leda")],
    ),
}


@pytest.mark.parametrize("case", SPOKEN)
async def test_the_words_are_said_by_the_right_voice(sim: Simulator, ask: Ask, case: str) -> None:
    model, body, lines = SPOKEN[case]
    status, answer = await ask(sim, body, path(model))

    assert status == 200, answer
    assert sound_of(answer) == speak(lines)
    assert answer["candidates"][0]["finishReason"] == "STOP"


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no modality": (NEW, asking({"text": "x"}), "(TEXT) is not supported by the model"),
    "picture": (NEW, asking({"text": "x"}, responseModalities=["IMAGE"]), "(IMAGE)"),
    "image config": (NEW, asking({"text": "x"}, **AUDIO, imageConfig={}), "draws no pictures"),
    "picture given": (
        NEW,
        saying({"inlineData": {"mimeType": "image/png", "data": b64(png())}}),
        "takes text only",
    ),
    "unknown voice": (
        NEW,
        saying("x", voiceConfig={"prebuiltVoiceConfig": {"voiceName": "Mickey"}}),
        "Voice name Mickey is not supported",
    ),
    "voice in lower case": (NEW, saying("x", voiceConfig={"voice": "kore"}), "Voice name kore"),
    "no name": (NEW, saying("x", voiceConfig={"prebuiltVoiceConfig": {}}), "Voice name  is"),
    "empty voice": (NEW, saying("x", voiceConfig={}), "one initialized field"),
    "two kinds of voice": (
        NEW,
        saying("x", voiceConfig={"voice": "Kore", **KORE["voiceConfig"]}),
        "one initialized field",
    ),
    "one and several": (
        NEW,
        saying("Joe: x", **KORE, **several(Joe="Kore")),
        "only set one of voice_config and multi_speaker_voice_config",
    ),
    "three speakers": (OLD, saying("x", **several(A="Kore", B="Puck", C="Leda")), "exactly 2"),
    "one speaker": (OLD, saying("A: x", **several(A="Kore")), "exactly 2"),
    "no speakers": (NEW, saying("x", multiSpeakerVoiceConfig={}), "at least one voice"),
    "speaker without name": (NEW, saying("x", **several(**{"": "Kore"})), "a name of its own"),
    "unnamed in the text": (
        OLD,
        saying("Joe: hi\nJane: ho", **several(Joe="Kore", Janet="Puck")),
        "no line of speaker Janet",
    ),
    "speaker without voice": (
        NEW,
        saying(marked("x", speaker="Jim"), **several(Joe="Kore")),
        "Speaker Jim has no voice",
    ),
    "style beside the text": (OLD, saying(marked("x", style="sad")), "write the style into"),
    "unknown field": (NEW, saying("x", speed=2), 'Unknown name "speed"'),
    "unknown note": (NEW, saying(marked("x", mood="sad")), 'Unknown name "mood"'),
    "picture model": ("gemini-3-pro-image", asking({"text": "x"}, speechConfig=KORE), "not speak"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_request_for_speech_is_refused(sim: Simulator, ask: Ask, case: str) -> None:
    model, body, words = REFUSED[case]
    status, answer = await ask(sim, body, path(model))

    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in answer["error"]["message"]


class TestForms:
    """The forms that speech comes in."""

    async def test_the_form_is_a_setting(self, ask: Ask) -> None:
        async with Simulator(sound="pcm_rfc") as sim:
            _, answer = await ask(sim, saying("Hi"), path(NEW))

        (part,) = parts_of(answer)
        assert part["inlineData"]["mimeType"] == "audio/l16; rate=24000; channels=1"
        assert base64.b64decode(part["inlineData"]["data"]) == speak(
            [Utterance("Hi", DEFAULT_VOICE)]
        )

    @pytest.mark.parametrize(("form", "frames"), [("wav", None), ("endless_wav", 0x7FFFFFFF)])
    async def test_a_wav_tells_its_length_or_lies(
        self, sim: Simulator, ask: Ask, form: Any, frames: int | None
    ) -> None:
        sim.then(faults.SoundAs(form))
        _, answer = await ask(sim, saying("Hi"), path(NEW))

        data = base64.b64decode(parts_of(answer)[0]["inlineData"]["data"])
        expected = speak([Utterance("Hi", DEFAULT_VOICE)])
        with wave.open(io.BytesIO(data)) as sound:
            assert sound.getnframes() == (frames or len(expected) // 2)
        assert data[44:] == expected

    @pytest.mark.parametrize(
        "kind", ["empty", "odd", "html", "no_rate", "wrong_mime", "bad_base64"]
    )
    async def test_speech_is_spoilt(self, sim: Simulator, ask: Ask, kind: Any) -> None:
        sim.then(faults.BadSound(kind))
        _, answer = await ask(sim, saying("Hi"), path(NEW))

        inline = parts_of(answer)[0]["inlineData"]
        good = speak([Utterance("Hi", DEFAULT_VOICE)])
        mime = {"no_rate": "audio/L16", "wrong_mime": "audio/mp3"}
        assert inline["mimeType"] == mime.get(kind, "audio/L16;codec=pcm;rate=24000")
        if kind == "bad_base64":
            assert "!*" in inline["data"]
            return
        data = base64.b64decode(inline["data"])
        begins = {"empty": b"", "odd": good + b"\0", "html": b"<!doctype"}.get(kind, good)
        assert data == begins or (kind == "html" and data.startswith(begins))

    async def test_blocks_and_words_are_told_as_with_pictures(
        self, sim: Simulator, ask: Ask
    ) -> None:
        sim.then(faults.PromptBlocked(), faults.TextOnly("No."), faults.CandidateBlocked("OTHER"))
        answers = [(await ask(sim, saying("Hi"), path(NEW)))[1] for _ in range(3)]

        assert answers[0]["promptFeedback"]["blockReason"] == "PROHIBITED_CONTENT"
        assert parts_of(answers[1]) == [{"text": "No."}]
        assert answers[2]["candidates"][0]["finishReason"] == "OTHER"


class TestStream:
    """`streamGenerateContent`."""

    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    async def test_the_sound_comes_in_blocks(
        self, http: aiohttp.ClientSession, newline: str
    ) -> None:
        url = path(NEW, "streamGenerateContent") + "?alt=sse"
        async with (
            Simulator(newline=newline) as sim,
            http.post(sim.url + url, json=saying("Hello there")) as response,
        ):
            blocks = (await response.text()).split(newline * 2)

        assert len(blocks) > 3
        assert blocks[-1] == ""
        assert all(block.startswith("data: {") for block in blocks[:-1])

    async def test_a_gate_holds_the_rest_back_until_it_is_opened(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        gate = faults.Gate(2)
        sim.then(gate)
        url = sim.url + path(NEW, "streamGenerateContent") + "?alt=sse"
        async with http.post(url, json=saying("Hello there, fox")) as response:
            first = await response.content.readuntil(b"\r\n\r\n")
            second = await response.content.readuntil(b"\r\n\r\n")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await response.content.readany()
            gate.open()
            rest = await response.content.read()

        assert first.startswith(b"data: ")
        assert second != first
        assert b'"finishReason": "STOP"' in rest

    async def test_a_closed_gate_may_hold_the_head_back(self, sim: Simulator, ask: Ask) -> None:
        gate = faults.Gate(0)
        sim.then(gate)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await ask(sim, saying("Hi"), path(NEW))
        gate.open()
        sim.then(gate)

        assert (await ask(sim, saying("Hi"), path(NEW)))[0] == 200
