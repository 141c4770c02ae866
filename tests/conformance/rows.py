"""Every vendor and kind of media: what our client is asked for, the same of its SDK, what comes.

A new row: what `pyproject.toml` calls the vendor, the kind, the prompt, what is to come, and the
same call of the official SDK, or why there is none.
"""

import asyncio
import base64
import io
import pkgutil
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from tests.conformance import sdks

KEY = "hf_an-id:a-secret-of-tests"
"""Looks as fal's keys, as a login of AUTOMATIC1111, and as a token of Hugging Face, whose SDK asks
the router for nobody else."""
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
KINDS = {"images": "image", "speech": "speech", "videos": "video"}
"""What a kind of media is called here, by the end of its group of entry points."""
BASE_PATHS = {
    "openrouter": "/api/v1",
    "xai": "/v1",
    "openai": "/v1",
    "localai": "/v1",
    "vllm": "/v1",
}
"""What stands behind a vendor's origin in the base URL of our client."""

FOX, HELLO, WAVES = "a red fox", "Hello there.", "waves"
HELLO_SECONDS = 0.4
CHECKPOINT = "sd_xl_base_1.0.safetensors"

Made = tuple[mt.Image | mt.Audio | mt.Video, float | None]
"""What was made, and what the SDK was told that it costs, in USD."""
Theirs = Callable[[Any], Awaitable[Made]]  # of the simulator; None where nobody is played


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One vendor and kind of media.

    Attributes:
        vendor: As the entry points call it.
        kind: `"image"`, `"speech"` or `"video"`.
        theirs: The call of the SDK; or the reason why there is none.
        sdk: The distribution of the SDK.
        server: Whom the simulator plays; left out, the vendor; empty where all is done here.
        model: Our client's name of the model; left out, its usual one.
        prompt: What our client is asked for.
        options: Further arguments of our client.
        form: Type of the file that is made.
        size: Width and height of a picture or film in pixels.
        seconds: Length of speech or a film.
        usd: What the simulator bills.
        most_usd: What our client says that it may cost, where a plan that it cannot know decides.
        bills: The simulated vendor bills; not so where no price is known or there is none.
        tells_cost: The vendor says in its responses what a call costs in USD.
    """

    vendor: str
    kind: str
    theirs: Theirs | str
    sdk: str = ""
    server: str | None = None
    model: str | None = None
    prompt: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    form: str
    size: tuple[int, int] | None = None
    seconds: float | None = None
    usd: float = 0
    most_usd: float | None = None
    bills: bool = True
    tells_cost: bool = False

    @property
    def played(self) -> str:
        """Whom the simulator plays; empty for nobody."""
        return self.vendor if self.server is None else self.server

    @property
    def name(self) -> str:
        """Names the row wherever it is shown."""
        return f"{self.played or self.vendor}-{self.kind}"

    @property
    def media_type(self) -> type[Any]:
        """What is made."""
        return {"image": mt.Image, "speech": mt.Audio, "video": mt.Video}[self.kind]

    async def ours(self, sim: Simulator | None) -> Any:
        """Let our client make it."""
        client_type = pkgutil.resolve_name(entry_points()[self.vendor, self.kind])
        options = dict(self.options)
        if sim is not None:
            url = sim.url + BASE_PATHS.get(self.played, "")
            options |= {"api_key": KEY, "base_url": url, "trusted_origins": (sim.files_url,)}
        if self.model:
            options["model"] = self.model
        if self.vendor == "diffusers":
            options["pipeline"] = tiny()
        async with client_type(**options) as client:
            if isinstance(client, QueuedClient):
                client.polling = Polling(first=0.01, cap=0.01)
            return await client.generate(self.prompt)

    @asynccontextmanager
    async def simulator(self) -> AsyncIterator[Simulator | None]:
        """Who plays the vendor, if anybody does."""
        if not self.played:
            yield None
            return
        async with Simulator(vendors=(self.played,), key=KEY, detail=64) as sim:
            yield sim


def entry_points() -> dict[tuple[str, str], str]:
    """Where the class of each vendor and kind is, as `pyproject.toml` says."""
    groups = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]
    return {
        (vendor, kind): place
        for group, kind in KINDS.items()
        for vendor, place in groups[f"mediatoolkit.{group}"].items()
    }


async def fetch(url: str) -> bytes:
    """A file at its address, by a client that knows no key."""
    import httpx

    async with httpx.AsyncClient(follow_redirects=True) as client:
        return (await client.get(url)).raise_for_status().content


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    """All *pieces*."""
    return b"".join([piece async for piece in pieces])


# Google


async def gemini_image(sim: Simulator) -> Made:
    async with sdks.gemini(sim) as sdk:
        response = await sdk.models.generate_content(
            model="gemini-3.1-flash-lite-image",
            contents=FOX,
            config={
                "response_modalities": ["IMAGE"],
                "image_config": {"image_size": "1K", "aspect_ratio": "16:9"},
            },
        )
    (part,) = [part for part in response.parts if part.inline_data and not part.thought]
    return mt.Image(part.inline_data.data), None


async def gemini_speech(sim: Simulator) -> Made:
    async with sdks.gemini(sim) as sdk:
        response = await sdk.models.generate_content(
            model="gemini-3.8-flash-tts",
            contents=HELLO,
            config={"response_modalities": ["AUDIO"]},
        )
    (part,) = response.parts
    assert part.inline_data.mime_type == "audio/L16;codec=pcm;rate=24000"
    return mt.Audio.from_pcm(part.inline_data.data, sample_rate=24_000), None


async def gemini_video(sim: Simulator) -> Made:
    film = {
        "type": "video",
        "aspect_ratio": "16:9",
        "resolution": "360p",
        "duration": "3s",
        "delivery": "uri",
    }
    async with sdks.gemini(sim) as sdk:
        job = await sdk.interactions.create(
            model="gemini-omni-1.2-flash", background=True, input=WAVES, response_format=film
        )
        while job.status == "in_progress":
            job = await sdk.interactions.get(job.id)
        data = await sdk.files.download(file=job.output_video.uri)
    return mt.Video(data), None


# Those that speak as OpenAI does


async def openai_image(sim: Simulator) -> Made:
    async with sdks.openai(sim) as sdk:
        response = await sdk.images.generate(
            model="gpt-image-2.5-flare",
            prompt=FOX,
            size="1536x864",
            quality="low",
            output_format="webp",
        )
    return mt.Image(base64.b64decode(response.data[0].b64_json)), None


async def openrouter_image(sim: Simulator) -> Made:
    async with sdks.openrouter(sim) as sdk:
        response = await sdk.images.generate_async(
            model="google/gemini-3.1-flash-image", prompt=FOX, resolution="1K", aspect_ratio="16:9"
        )
    return mt.Image(base64.b64decode(response.data[0].b64_json)), response.usage.cost


async def openrouter_speech(sim: Simulator) -> Made:
    async with sdks.openrouter(sim) as sdk:
        response = await sdk.tts.create_speech_async(
            model="google/gemini-3.8-flash-tts", input=HELLO, voice="Kore", response_format="mp3"
        )
        audio = mt.Audio(await response.aread())
        name = response.headers["X-Generation-Id"]
        generation = await sdk.generations.get_generation_async(id=name)
    return audio, generation.data.total_cost


async def openrouter_video(sim: Simulator) -> Made:
    async with sdks.openrouter(sim) as sdk:
        films = sdk.video_generation
        job = await films.generate_async(
            model="google/veo-3.1",
            prompt=WAVES,
            duration=4,
            resolution="720p",
            aspect_ratio="16:9",
            generate_audio=False,
        )
        while job.status in {"pending", "in_progress"}:
            job = await films.get_generation_async(job_id=job.id)
        response = await films.get_video_content_async(job_id=job.id, index=0)
        return mt.Video(await response.aread()), job.usage.cost


async def together_image(sim: Simulator) -> Made:
    async with sdks.together(sim) as sdk:
        response = await sdk.images.generate(
            model="black-forest-labs/FLUX.2-pro",
            prompt=FOX,
            width=1024,
            height=768,
            response_format="base64",
        )
    return mt.Image(base64.b64decode(response.data[0].b64_json)), None


async def together_speech(sim: Simulator) -> Made:
    async with sdks.together(sim) as sdk:
        response = await sdk.audio.speech.create(
            model="hexgrad/Kokoro-82M", input=HELLO, voice="af_alloy", response_format="mp3"
        )
        return mt.Audio(await response.read()), None


async def together_video(sim: Simulator) -> Made:
    async with sdks.together(sim) as sdk:
        job = await sdk.videos.create(
            model="google/veo-3.1", prompt=WAVES, seconds="4", ratio="16:9", resolution="720p"
        )
        while job.status == "in_progress":
            job = await sdk.videos.retrieve(job.id)
    return mt.Video(await fetch(job.outputs.video_url)), job.outputs.cost


async def xai_image(sim: Simulator) -> Made:
    own = {"aspect_ratio": "16:9", "resolution": "1k"}
    async with sdks.openai(sim, "xai", strict=False) as sdk:
        response = await sdk.images.generate(
            model="grok-imagine-image-2.0",
            prompt=FOX,
            quality="low",
            response_format="b64_json",
            extra_body=own,
        )
    ticks = response.usage.model_dump()["cost_in_usd_ticks"]
    return mt.Image(base64.b64decode(response.data[0].b64_json)), ticks / 1e10


async def xai_video(sim: Simulator) -> Made:
    """By `post`: the SDK has no films of xAI."""
    import httpx

    body = {
        "model": "grok-imagine-video-1.5",
        "prompt": WAVES,
        "duration": 2,
        "aspect_ratio": "16:9",
        "resolution": "480p",
    }
    async with sdks.openai(sim, "xai", strict=False) as sdk:
        job: dict[str, Any] = await sdk.post("/videos/generations", body=body, cast_to=object)
        path, job = f"/videos/{job['request_id']}", {}
        while job.get("status") != "done":
            response = await sdk.get(path, cast_to=httpx.Response)
            job = response.json() if response.content else {}
    ticks = job["usage"]["cost_in_usd_ticks"]
    return mt.Video(await fetch(job["video"]["url"])), ticks / 1e10


async def mistral_speech(sim: Simulator) -> Made:
    async with sdks.mistral(sim) as sdk:
        response = await sdk.audio.speech.complete_async(
            input=HELLO, model="voxtral-mini-tts-3-0", response_format="mp3"
        )
    return mt.Audio(base64.b64decode(response.audio_data)), None


# Servers of one's own


async def localai_image(sim: Simulator) -> Made:
    async with sdks.openai(sim, "localai") as sdk:
        response = await sdk.images.generate(
            prompt=FOX, size="128x64", response_format="b64_json", extra_body={"seed": 7}
        )
    return mt.Image(base64.b64decode(response.data[0].b64_json)), None


async def localai_speech(sim: Simulator) -> Made:
    async with sdks.openai(sim, "localai") as sdk:
        response = await sdk.audio.speech.create(
            model="speaker", input=HELLO, voice="any", response_format="wav"
        )
    return mt.Audio(response.content), None


async def localai_video(sim: Simulator) -> Made:
    """By `post`: the SDK has no such path."""
    body = {"prompt": WAVES, "seconds": "2", "width": 640, "height": 360}
    async with sdks.openai(sim, "localai") as sdk:
        response = await sdk.post("/video", body=body, cast_to=object)
    return mt.Video(await fetch(sim.localai.url + response["data"][0]["url"])), None


async def vllm_image(sim: Simulator) -> Made:
    async with sdks.openai(sim, "vllm") as sdk:
        response = await sdk.images.generate(
            model="acme/painter", prompt=FOX, size="128x64", extra_body={"seed": 7}
        )
    return mt.Image(base64.b64decode(response.data[0].b64_json)), None


async def vllm_speech(sim: Simulator) -> Made:
    async with sdks.openai(sim, "vllm") as sdk:
        response = await sdk.audio.speech.create(
            model="acme/speaker", input=HELLO, voice="vivian", response_format="wav"
        )
    return mt.Audio(response.content), None


async def vllm_video(sim: Simulator) -> Made:
    async with sdks.openai(sim, "vllm") as sdk:
        job = await sdk.videos.create(
            model="acme/filmer", prompt=WAVES, seconds="4", size="1280x720"
        )
        while job.status != "completed":
            job = await sdk.videos.retrieve(job.id)
        response = await sdk.videos.download_content(job.id, variant="video")
    return mt.Video(response.content), None


# Voices and queues


async def elevenlabs_speech(sim: Simulator) -> Made:
    async with sdks.elevenlabs(sim) as sdk:
        pieces = sdk.text_to_speech.convert(
            "JBFqnCBsd6RMkjVDRZzb",
            text=HELLO,
            model_id="eleven_multilingual_v2",
            output_format="mp3_44100_64",
        )
        return mt.Audio(await joined(pieces)), None


async def fal_result(sim: Simulator, app: str, arguments: dict[str, Any]) -> Any:
    async with sdks.fal(sim) as sdk:
        handle = await sdk.submit(app, arguments)
        return await handle.get(interval=0)


async def fal_image(sim: Simulator) -> Made:
    size = {"width": 1024, "height": 768}
    result = await fal_result(sim, "fal-ai/flux/schnell", {"prompt": FOX, "image_size": size})
    return mt.Image(await fetch(result["images"][0]["url"])), None


async def fal_speech(sim: Simulator) -> Made:
    result = await fal_result(sim, "simulated/speech", {"text": HELLO})
    return mt.Audio(await fetch(result["audio"]["url"])), None


async def fal_video(sim: Simulator) -> Made:
    arguments = {"prompt": WAVES, "duration": 3, "aspect_ratio": "16:9"}
    result = await fal_result(sim, "simulated/film/text-to-video", arguments)
    return mt.Video(await fetch(result["video"]["url"])), None


async def replicate_output(sim: Simulator, model: str, inputs: dict[str, Any]) -> bytes:
    async with sdks.replicate(sim) as sdk:
        output = await sdk.async_run(model, input=inputs)
    return await fetch(output[0] if isinstance(output, list) else output)


async def replicate_image(sim: Simulator) -> Made:
    inputs = {"prompt": FOX, "aspect_ratio": "16:9"}
    data = await replicate_output(sim, "black-forest-labs/flux-schnell", inputs)
    return mt.Image(data), None


async def replicate_speech(sim: Simulator) -> Made:
    return mt.Audio(await replicate_output(sim, "simulated/speech", {"text": HELLO})), None


async def replicate_video(sim: Simulator) -> Made:
    inputs = {"prompt": WAVES, "duration": 3}
    return mt.Video(await replicate_output(sim, "simulated/film", inputs)), None


async def huggingface_image(sim: Simulator) -> Made:
    models = {("fal-ai", "text-to-image"): "fal-ai/flux/dev"}
    async with sdks.huggingface(sim, models) as make:
        draw = make(provider="fal-ai").text_to_image
        picture = await asyncio.to_thread(
            draw, FOX, model="me/text-to-image", width=1024, height=768
        )
    file = io.BytesIO()
    picture.save(file, picture.format)
    return mt.Image(file.getvalue()), None


async def huggingface_speech(sim: Simulator) -> Made:
    models = {("fal-ai", "text-to-speech"): "fal-ai/kokoro"}
    async with sdks.huggingface(sim, models) as make:
        speak = make(provider="fal-ai").text_to_speech
        return mt.Audio(await asyncio.to_thread(speak, HELLO, model="me/text-to-speech")), None


async def huggingface_video(sim: Simulator) -> Made:
    models = {("fal-ai", "text-to-video"): "fal-ai/ltx-video"}
    async with sdks.huggingface(sim, models) as make:
        film = make(provider="fal-ai").text_to_video
        return mt.Video(await asyncio.to_thread(film, WAVES, model="me/text-to-video")), None


# Here


def tiny() -> Any:
    """A pipeline of a few kilobytes."""
    pytest.importorskip("torch")
    from tests.providers.tiny_pipeline import tiny_pipeline

    return tiny_pipeline()


async def diffusers_image(_sim: object) -> Made:
    """By the pipeline itself."""
    draw = tiny()
    result = await asyncio.to_thread(draw, FOX, width=64, height=64, num_inference_steps=2)
    return mt.Image.of(result.images[0]), None


NOTHING_TO_SPEAK_TO = "it makes all itself"
# What it says to a server of one's own stands in `test_comfyui.py`.
COMFY = "comfy-sdk speaks to its makers' proxy alone"

FILM_GRAPH: dict[str, Any] = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
    "4": {
        "class_type": "EmptyHunyuanLatentVideo",
        "inputs": {"width": 128, "height": 64, "length": 17, "batch_size": 1},
    },
    "5": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 1, "steps": 4, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple",
            "denoise": 1.0, "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0],
            "latent_image": ["4", 0],
        },
    },
    "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
    "7": {"class_type": "CreateVideo", "inputs": {"images": ["6", 0], "fps": 16.0}},
    "8": {
        "class_type": "SaveVideo",
        "inputs": {"video": ["7", 0], "filename_prefix": "film", "format": "auto", "codec": "auto"},
    },
}  # fmt: skip

ROWS = (
    Row(
        vendor="diffusers",
        server="",
        kind="image",
        theirs=diffusers_image,
        sdk="diffusers",
        prompt=mt.ImagePrompt.of(FOX, size="64x64", seed=7, num_inference_steps=2),
        form="image/png",
        size=(64, 64),
    ),
    Row(
        vendor="gemini",
        kind="image",
        theirs=gemini_image,
        sdk="google-genai",
        model="gemini-3.1-flash-lite-image",
        prompt=mt.ImagePrompt(FOX, size="1K", aspect="16:9"),
        form="image/jpeg",
        size=(1360, 768),
        usd=0.03437775,
    ),
    Row(
        vendor="gemini",
        kind="speech",
        theirs=gemini_speech,
        sdk="google-genai",
        model="gemini-3.8-flash-tts",
        prompt=mt.SpeechPrompt(HELLO),
        form="audio/wav",
        seconds=HELLO_SECONDS,
        usd=0.0000915,
    ),
    Row(
        vendor="gemini",
        kind="video",
        theirs=gemini_video,
        sdk="google-genai",
        model="gemini-omni-1.2-flash",
        prompt=mt.VideoPrompt(WAVES, seconds=3, aspect="16:9", resolution="360p"),
        form="video/mp4",
        size=(640, 360),
        seconds=3,
        usd=0.070599,
    ),
    Row(
        vendor="openai",
        kind="image",
        theirs=openai_image,
        sdk="openai",
        model="gpt-image-2.5-flare",
        prompt=mt.ImagePrompt.of(FOX, size="1536x864", quality="low", output_format="webp"),
        form="image/webp",
        size=(1536, 864),
        usd=0.003615,
    ),
    Row(
        vendor="openrouter",
        kind="image",
        theirs=openrouter_image,
        sdk="openrouter",
        model="google/gemini-3.1-flash-image",
        prompt=mt.ImagePrompt(FOX, size="1K", aspect="16:9"),
        form="image/png",
        size=(1360, 768),
        usd=0.03360075,
        tells_cost=True,
    ),
    Row(
        vendor="openrouter",
        kind="speech",
        theirs=openrouter_speech,
        sdk="openrouter",
        model="google/gemini-3.8-flash-tts",
        prompt=mt.SpeechPrompt.of(HELLO, voice="Kore", response_format="mp3"),
        form="audio/mpeg",
        seconds=HELLO_SECONDS,
        usd=0.00018,
        tells_cost=True,
    ),
    Row(
        vendor="openrouter",
        kind="video",
        theirs=openrouter_video,
        sdk="openrouter",
        model="google/veo-3.1",
        prompt=mt.VideoPrompt.of(
            WAVES, seconds=4, aspect="16:9", resolution="720p", generate_audio=False
        ),
        form="video/mp4",
        size=(1280, 720),
        seconds=4,
        usd=0.8,
        tells_cost=True,
    ),
    Row(
        vendor="together",
        kind="image",
        theirs=together_image,
        sdk="together",
        model="black-forest-labs/FLUX.2-pro",
        prompt=mt.ImagePrompt(FOX, size="1024x768"),
        form="image/jpeg",
        size=(1024, 768),
        usd=0.02359296,
    ),
    Row(
        vendor="together",
        kind="speech",
        theirs=together_speech,
        sdk="together",
        model="hexgrad/Kokoro-82M",
        prompt=mt.SpeechPrompt.of(HELLO, response_format="mp3"),
        form="audio/mpeg",
        seconds=HELLO_SECONDS,
        usd=0.000048,
    ),
    Row(
        vendor="together",
        kind="video",
        theirs=together_video,
        sdk="together",
        model="google/veo-3.1",
        prompt=mt.VideoPrompt(WAVES, seconds=4, aspect="16:9", resolution="720p"),
        form="video/mp4",
        size=(1280, 720),
        seconds=4,
        usd=1,
        tells_cost=True,
    ),
    Row(
        vendor="xai",
        kind="image",
        theirs=xai_image,
        sdk="openai",
        model="grok-imagine-image-2.0",
        prompt=mt.ImagePrompt.of(FOX, size="1K", aspect="16:9", quality="low"),
        form="image/jpeg",
        size=(1360, 768),
        usd=0.04,
        tells_cost=True,
    ),
    Row(
        vendor="xai",
        kind="video",
        theirs=xai_video,
        sdk="openai",
        model="grok-imagine-video-1.5",
        prompt=mt.VideoPrompt(WAVES, seconds=2, aspect="16:9", resolution="480p"),
        form="video/mp4",
        size=(854, 480),
        seconds=2,
        usd=0.16,
        tells_cost=True,
    ),
    Row(
        vendor="mistral",
        kind="speech",
        theirs=mistral_speech,
        sdk="mistralai",
        model="voxtral-mini-tts-3-0",
        prompt=mt.SpeechPrompt(HELLO),
        form="audio/mpeg",
        seconds=HELLO_SECONDS,
        usd=0.000156,
    ),
    Row(
        vendor="openai-compatible",
        server="localai",
        kind="image",
        theirs=localai_image,
        sdk="openai",
        prompt=mt.ImagePrompt(FOX, size="128x64", seed=7),
        form="image/png",
        size=(128, 64),
    ),
    Row(
        vendor="openai-compatible",
        server="localai",
        kind="speech",
        theirs=localai_speech,
        sdk="openai",
        prompt=mt.SpeechPrompt(HELLO),
        form="audio/wav",
        seconds=HELLO_SECONDS,
    ),
    Row(
        vendor="openai-compatible",
        server="localai",
        kind="video",
        theirs=localai_video,
        sdk="openai",
        prompt=mt.VideoPrompt(WAVES, seconds=2, resolution="360p"),
        form="video/mp4",
        size=(640, 360),
        seconds=2,
    ),
    Row(
        vendor="openai-compatible",
        server="vllm",
        kind="image",
        theirs=vllm_image,
        sdk="openai",
        prompt=mt.ImagePrompt(FOX, size="128x64", seed=7),
        form="image/png",
        size=(128, 64),
    ),
    Row(
        vendor="openai-compatible",
        server="vllm",
        kind="speech",
        theirs=vllm_speech,
        sdk="openai",
        prompt=mt.SpeechPrompt(HELLO),
        form="audio/wav",
        seconds=HELLO_SECONDS,
    ),
    Row(
        vendor="openai-compatible",
        server="vllm",
        kind="video",
        theirs=vllm_video,
        sdk="openai",
        prompt=mt.VideoPrompt(WAVES, seconds=4, resolution="720p"),
        form="video/mp4",
        size=(1280, 720),
        seconds=4,
    ),
    Row(
        vendor="elevenlabs",
        kind="speech",
        theirs=elevenlabs_speech,
        sdk="elevenlabs",
        model="eleven_multilingual_v2",
        prompt=mt.SpeechPrompt.of(HELLO, output_format="mp3_44100_64"),
        form="audio/mpeg",
        seconds=HELLO_SECONDS,
        usd=0.0012,
        most_usd=0.0036,
    ),
    Row(
        vendor="fal",
        kind="image",
        theirs=fal_image,
        sdk="fal-client",
        model="fal-ai/flux/schnell",
        prompt=mt.ImagePrompt(FOX, size="1024x768"),
        form="image/jpeg",
        size=(1024, 768),
        usd=0.003,
    ),
    Row(
        vendor="fal",
        kind="speech",
        theirs=fal_speech,
        sdk="fal-client",
        model="simulated/speech",
        prompt=mt.SpeechPrompt(HELLO),
        form="audio/mpeg",
        seconds=HELLO_SECONDS,
        usd=0.0006,
    ),
    Row(
        vendor="fal",
        kind="video",
        theirs=fal_video,
        sdk="fal-client",
        model="simulated/film/text-to-video",
        prompt=mt.VideoPrompt(WAVES, seconds=3, aspect="16:9"),
        form="video/mp4",
        size=(640, 360),
        seconds=3,
        usd=0.3,
    ),
    Row(
        vendor="replicate",
        kind="image",
        theirs=replicate_image,
        sdk="replicate",
        model="black-forest-labs/flux-schnell",
        prompt=mt.ImagePrompt(FOX, aspect="16:9"),
        form="image/webp",
        size=(1344, 768),
        usd=0.003,
    ),
    Row(
        vendor="replicate",
        kind="speech",
        theirs=replicate_speech,
        sdk="replicate",
        model="simulated/speech",
        prompt=mt.SpeechPrompt(HELLO),
        form="audio/mpeg",
        seconds=HELLO_SECONDS,
        usd=0.0006,
    ),
    Row(
        vendor="replicate",
        kind="video",
        theirs=replicate_video,
        sdk="replicate",
        model="simulated/film",
        prompt=mt.VideoPrompt(WAVES, seconds=3),
        form="video/mp4",
        size=(640, 360),
        seconds=3,
        usd=0.3,
    ),
    Row(
        vendor="huggingface",
        kind="image",
        theirs=huggingface_image,
        sdk="huggingface-hub",
        model="fal-ai/fal-ai/flux/dev",
        prompt=mt.ImagePrompt(FOX, size="1024x768"),
        form="image/jpeg",
        size=(1024, 768),
        bills=False,
    ),
    Row(
        vendor="huggingface",
        kind="speech",
        theirs=huggingface_speech,
        sdk="huggingface-hub",
        model="fal-ai/fal-ai/kokoro",
        prompt=mt.SpeechPrompt(HELLO),
        form="audio/wav",
        seconds=HELLO_SECONDS,
        bills=False,
    ),
    Row(
        vendor="huggingface",
        kind="video",
        theirs=huggingface_video,
        sdk="huggingface-hub",
        model="fal-ai/fal-ai/ltx-video",
        prompt=mt.VideoPrompt(WAVES),
        form="video/mp4",
        size=(512, 288),
        seconds=2,
        bills=False,
    ),
    Row(
        vendor="bfl",
        kind="image",
        theirs="Black Forest Labs publishes none",
        prompt=mt.ImagePrompt(FOX, size="1024x768"),
        form="image/jpeg",
        size=(1024, 768),
        usd=0.03,
    ),
    Row(
        vendor="automatic1111",
        kind="image",
        theirs="its makers publish none",
        prompt=mt.ImagePrompt(FOX, size="128x64"),
        form="image/png",
        size=(128, 64),
        bills=False,
    ),
    Row(
        vendor="comfyui",
        kind="image",
        theirs=COMFY,
        model=CHECKPOINT,
        prompt=mt.ImagePrompt(FOX, size="128x64"),
        form="image/png",
        size=(128, 64),
        bills=False,
    ),
    Row(
        vendor="comfyui",
        kind="video",
        theirs=COMFY,
        prompt=mt.VideoPrompt(WAVES),
        options={"workflow": FILM_GRAPH},
        form="video/mp4",
        size=(128, 64),
        seconds=17 / 16,
        bills=False,
    ),
    Row(
        vendor="local",
        server="",
        kind="image",
        theirs=NOTHING_TO_SPEAK_TO,
        prompt=mt.ImagePrompt(FOX, size="128x64"),
        form="image/png",
        size=(128, 64),
    ),
    Row(
        vendor="local",
        server="",
        kind="speech",
        theirs=NOTHING_TO_SPEAK_TO,
        prompt=mt.SpeechPrompt(HELLO),
        form="audio/wav",
        seconds=1,
    ),
    Row(
        vendor="local",
        server="",
        kind="video",
        theirs=NOTHING_TO_SPEAK_TO,
        prompt=mt.VideoPrompt(WAVES, seconds=1, resolution="360p", aspect="1:1"),
        form="video/mp4",
        size=(360, 360),
        seconds=1,
    ),
)
