"""What comes of the simulated Interactions API beside films: pictures, speech, events."""

import base64
import io
import json
import wave
from typing import Any

import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.sounds import Utterance, speak
from tests.simulator.vendor import PATH, PICTURE, TEXT, Vendor


class TestOtherKinds:
    """Pictures and speech."""

    async def test_a_picture_is_a_jpeg(self, painting: Simulator, http: Any) -> None:
        request = {
            "model": "gemini-3.1-flash-image",
            "input": [TEXT, PICTURE],
            "response_format": {"type": "image", "aspect_ratio": "16:9", "image_size": "512"},
        }
        _, answer = await Vendor(painting, http).ask("POST", PATH, request)

        (content,) = answer["steps"][1]["content"]
        picture = Image.open(io.BytesIO(base64.b64decode(content["data"])))
        assert (content["mime_type"], picture.format, picture.size) == (
            "image/jpeg",
            "JPEG",
            (688, 384),
        )
        assert answer["usage"]["total_output_tokens"] == 747

    @pytest.mark.parametrize(
        ("config", "voice"),
        [
            ([], "Kore"),
            ([{"voice": "Puck"}], "Puck"),
            ({"speakers": [{"speaker": "Joe", "voice": "Leda"}]}, "Leda"),
        ],
    )
    async def test_speech_has_the_voice_rate_and_form_asked_for(
        self, vendor: Vendor, config: Any, voice: str
    ) -> None:
        note = {"type": "speech_metadata", "speaker": "Joe", "style": "sad"}
        request = {
            "model": "gemini-3.8-flash-tts",
            "input": [{**TEXT, "annotations": [note]}],
            "generation_config": {"speech_config": config},
            "response_format": {"type": "audio", "mime_type": "audio/wav", "sample_rate": 8000},
        }
        _, answer = await vendor.ask("POST", PATH, request)

        (content,) = answer["steps"][1]["content"]
        with wave.open(io.BytesIO(base64.b64decode(content["data"]))) as sound:
            assert sound.getframerate() == content["sample_rate"] == 8000
            expected = speak([Utterance("a fox", voice, "sad")], 8000)
            assert sound.readframes(sound.getnframes()) == expected


SPEECH = {"model": "gemini-3.8-flash-tts", "input": "hello there", "stream": True}


class TestStream:
    """Events."""

    @staticmethod
    def told(text: str) -> list[dict[str, Any]]:
        """The events of a stream, whose names and end are checked."""
        *blocks, end, rest = text.split("\r\n\r\n")
        assert (end, rest) == ("event: done\r\ndata: [DONE]", "")
        events = []
        for block in blocks:
            name, data = block.split("\r\n")
            events.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {events[-1]['event_type']}"
        return events

    async def test_a_stream_can_be_heard_again_from_its_beginning(self, vendor: Vendor) -> None:
        """Events have no id to go on from: two recorded streams and a live one have none."""
        async with vendor.http.post(vendor.sim.url + PATH, json=SPEECH) as response:
            events = self.told(await response.text())
        name = events[0]["interaction"]["id"]
        async with vendor.http.get(f"{vendor.sim.url}{PATH}/{name}?stream=true") as response:
            assert self.told(await response.text()) == events

        assert not any("event_id" in event for event in events)

    async def test_a_thought_comes_first(self, vendor: Vendor) -> None:
        async with vendor.http.post(vendor.sim.url + PATH, json=SPEECH) as response:
            events = self.told(await response.text())

        steps = [event["step"]["type"] for event in events if event["event_type"] == "step.start"]
        deltas = [event["delta"] for event in events if event["event_type"] == "step.delta"]
        assert steps == ["thought", "model_output"]
        assert deltas[0]["type"] == "thought_signature"
        assert deltas[0]["signature"]

    async def test_an_error_may_come_midway(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.StreamError(503, "Overloaded."))
        async with vendor.http.post(vendor.sim.url + PATH, json=SPEECH) as response:
            events = self.told(await response.text())

        assert [event["event_type"] for event in events][-2:] == ["step.start", "error"]
        assert events[-1]["error"] == {"code": "unavailable", "message": "Overloaded."}

    async def test_without_a_stream_it_is_a_status(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.StreamError(503, "Overloaded."))
        status, answer = await vendor.start()

        assert (status, answer["error"]["message"]) == (503, "Overloaded.")
