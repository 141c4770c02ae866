"""Our clients send what the vendors' SDKs were recorded to send, but for differences with a reason.

No SDK is needed here. `test_equal_requests.py` compares the same with the SDKs of today, and media
byte by byte.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator.vendor import Purpose
from tests.conformance.compared import differences, flat, flat_recording, without_digests
from tests.conformance.replay import WIRE
from tests.conformance.rows import BASE_PATHS, KEY
from tests.test_prompts import picture

PICTURE = picture()
SECOND = mt.Audio.from_pcm(bytes(48_000), sample_rate=24_000)
GEORGE = "JBFqnCBsd6RMkjVDRZzb"
PLACES = {**BASE_PATHS, "fal": "/queue"}

ONE = "one is what is made where nobody says how many"
INLINE = "the picture comes in the response, so that it need not be fetched"
BY_LINK = "we send pictures themselves, and no links"
NOBODY = "nothing that names a person or a session is sent"
OF_MODEL = "the SDK was recorded at the address of a model; ours is below the router's"
SOON = "we want the name of the prediction soon, to be able to stop it"
SHAPE = "a film has resolution and aspect, which say it all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A recorded request, and how our client sends it.

    Attributes:
        recording: Of `tests/wire`.
        number: Of the request in it.
        purpose: What it is for.
        client: Our client.
        model: Its name of the model; None is the usual one.
        prompt: What our client is asked for.
        differences: The parts in which the requests differ, each with its reason.
    """

    recording: str
    number: int = 0
    purpose: Purpose = "start"
    client: Any
    model: str | None = None
    prompt: Any
    differences: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Such as `openrouter.video-1`."""
        return f"{self.recording}-{self.number}"


FILM = mt.VideoPrompt.of(
    "waves",
    seconds=4,
    aspect="16:9",
    resolution="720p",
    seed=7,
    image=PICTURE,
    references=[PICTURE],
    generate_audio=False,
)
OWN_FILM = mt.VideoPrompt.of(
    "waves",
    seconds=4,
    aspect="16:9",
    resolution="720p",
    seed=7,
    fps=24,
    steps=20,
    guidance_scale=8,
    negative_prompt="text",
    output_quality=20,
    generate_audio=False,
)
XAI_FILM = mt.VideoPrompt("waves", seconds=6, aspect="16:9", resolution="720p", image=PICTURE)
SMALL = mt.ImagePrompt.of(
    "a blue square",
    arguments={"image_size": {"width": 8, "height": 8}},
    runner_hint="h1",
    queue_priority="low",
    start_timeout=30,
)
SPOKEN = mt.SpeechPrompt.of(
    "Hello there",
    voice=GEORGE,
    seed=5,
    output_format="mp3_44100_128",
    stability=0.5,
    similarity_boost=0.75,
    style_exaggeration=0.0,
    use_speaker_boost=True,
    speed=1.0,
    captions=False,
)

CASES = (
    Case(
        recording="openrouter.image",
        client=mt.OpenRouterImageClient,
        prompt=mt.ImagePrompt.of(
            "a blue square",
            size="1K",
            aspect="16:9",
            seed=7,
            quality="low",
            background="opaque",
            output_format="png",
            provider={
                "allow_fallbacks": False,
                "only": ["google-ai-studio"],
                "options": {"openai": {"moderation": "low"}},
            },
        ),
        differences={"body.n": ONE, "body.session_id": NOBODY, "body.user": NOBODY},
    ),
    Case(
        recording="openrouter.speech",
        client=mt.OpenRouterSpeechClient,
        prompt=mt.SpeechPrompt(
            "Joe: Hello.\nAnn: Hi.",
            speakers={"Joe": "Kore", "Ann": "Puck"},
            style="calm",
            speed=1.1,
        ),
    ),
    Case(recording="openrouter.video", client=mt.OpenRouterVideoClient, prompt=FILM),
    Case(
        recording="openrouter.video",
        number=1,
        purpose="poll",
        client=mt.OpenRouterVideoClient,
        prompt=FILM,
    ),
    Case(
        recording="together.image",
        client=mt.TogetherImageClient,
        prompt=mt.ImagePrompt.of(
            "a blue square",
            size="1024x768",
            seed=7,
            steps=20,
            guidance_scale=3.5,
            negative_prompt="red",
            output_format="png",
            image_loras=[{"path": "https://hf/lora", "scale": 1.0}],
            disable_safety_checker=False,
        ),
        differences={
            "body.n": ONE,
            "body.image_url": BY_LINK,
            "body.reference_images.0": BY_LINK,
        },
    ),
    Case(
        recording="together.speech",
        client=mt.TogetherSpeechClient,
        model="cartesia/sonic-3",
        prompt=mt.SpeechPrompt.of(
            "hi",
            language="en",
            response_format="mp3",
            bit_rate=128_000,
            sample_rate=44_100,
            extra_params={"pronunciation_dict": ["omg/oh my god"]},
        ),
    ),
    Case(
        recording="together.video",
        client=mt.TogetherVideoClient,
        prompt=OWN_FILM,
        differences={
            "body.width": SHAPE,
            "body.height": SHAPE,
            "body.output_format": "MP4 is what comes",
            "body.media.frame_images.0.input_image": BY_LINK,
            "body.media.frame_images.0.frame": BY_LINK,
            "body.media.reference_images.0": BY_LINK,
        },
    ),
    Case(
        recording="together.video",
        number=1,
        purpose="poll",
        client=mt.TogetherVideoClient,
        prompt=OWN_FILM,
    ),
    Case(
        recording="mistral.speech",
        client=mt.MistralSpeechClient,
        prompt=mt.SpeechPrompt.of(
            "[emotion=happy] hi",
            voice="voice_478",
            expressiveness=2.0,
            phoneme_hints={"Nguyen": ["w", "i", "n"]},
            response_format="wav",
        ),
        differences={"body.metadata.k": "nobody needs it to speak"},
    ),
    Case(
        recording="mistral.speech",
        number=1,
        client=mt.MistralSpeechClient,
        prompt=mt.SpeechPrompt.of("hi", ref_audio=SECOND),
    ),
    Case(
        recording="xai.image",
        client=mt.XAIImageClient,
        prompt=mt.ImagePrompt.of("a blue square", size="1K", aspect="16:9", quality="low"),
        differences={"body.n": ONE, "body.response_format": INLINE},
    ),
    Case(
        recording="xai.image",
        number=1,
        client=mt.XAIImageClient,
        model="grok-imagine-image",
        prompt=mt.ImagePrompt("x"),
    ),
    Case(
        recording="xai.image_edit",
        client=mt.XAIImageClient,
        prompt=mt.ImagePrompt("green", references=[PICTURE]),
    ),
    Case(recording="xai.video", client=mt.XAIVideoClient, prompt=XAI_FILM),
    Case(
        recording="xai.video", number=1, purpose="poll", client=mt.XAIVideoClient, prompt=XAI_FILM
    ),
    Case(
        recording="huggingface.text_to_image_url",
        client=mt.HuggingFaceImageClient,
        model="acme/demo",
        prompt=mt.ImagePrompt.of(
            "a blue square",
            size="64x64",
            seed=1,
            negative_prompt="blur",
            num_inference_steps=4,
            guidance_scale=3.5,
        ),
        differences={"path": OF_MODEL},
    ),
    Case(
        recording="huggingface.text_to_speech_url",
        client=mt.HuggingFaceSpeechClient,
        model="acme/tts",
        prompt=mt.SpeechPrompt("hello"),
        differences={"path": OF_MODEL},
    ),
    Case(
        recording="huggingface.router_fal",
        client=mt.HuggingFaceImageClient,
        model="fal-ai/fal-ai/flux/dev",
        prompt=mt.ImagePrompt("x", size="64x64"),
    ),
    Case(
        recording="fal.subscribe",
        client=mt.FalImageClient,
        prompt=SMALL,
        differences={"head.x-fal-request-timeout": "30 seconds are 30 to us, and 30.0 to the SDK"},
    ),
    Case(
        recording="fal.subscribe",
        number=1,
        purpose="poll",
        client=mt.FalImageClient,
        prompt=SMALL,
    ),
    Case(
        recording="replicate.run",
        number=1,
        client=mt.ReplicateImageClient,
        prompt=mt.ImagePrompt("x", references=[PICTURE]),
        differences={"head.prefer": SOON},
    ),
    Case(
        recording="elevenlabs.tts",
        client=mt.ElevenLabsSpeechClient,
        model="eleven_multilingual_v2",
        prompt=SPOKEN,
        differences={
            "body.language_code": "this model hears the language from the text",
            "body.voice_settings.speed": "1 is the usual speed",
        },
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_our_client_sends_what_was_recorded(case: Case) -> None:
    vendor = case.client.provider
    async with Simulator(vendors=(vendor,), key=KEY, detail=64) as sim:
        options = {"base_url": sim.url + PLACES.get(vendor, ""), "model": case.model}
        async with case.client(KEY, trusted_origins=(sim.files_url,), **options) as client:
            client.polling = Polling(first=0.01, cap=0.01)
            with contextlib.suppress(MediaToolkitError):  # what came back is not looked at here
                await client.generate(case.prompt)
        ours = without_digests(flat(sim.requests_for(case.purpose)[0], KEY))
    requests = json.loads((WIRE / f"{case.recording}.json").read_text())["requests"]
    recorded = flat_recording(requests[case.number])

    assert differences(ours, recorded) == set(case.differences), (ours, recorded)
    assert any("KEY" in str(value) for name, value in ours.items() if name.startswith("head."))
