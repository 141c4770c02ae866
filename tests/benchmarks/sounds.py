"""Ways to hear the first piece of streamed speech."""

import base64
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

SPEECH = "/v1/models/gemini-bench-tts-{gap}:streamGenerateContent"
"""Path of speech whose first piece comes at once and whose rest after *gap* milliseconds."""

FirstSound = Callable[[], AbstractAsyncContextManager[bytes]]


@asynccontextmanager
async def client(server: str, gap: int) -> AsyncGenerator[FirstSound]:
    """The toolkit's client."""
    import mediatoolkit as mt
    from mediatoolkit.runtime.context import CallContext

    model = SPEECH.split("/")[3].split(":", maxsplit=1)[0].format(gap=gap)
    prompt = mt.SpeechPrompt("Hello.")
    async with mt.GeminiSpeechClient("key", base_url=server, model=model) as speaker:

        @asynccontextmanager
        async def first() -> AsyncGenerator[bytes]:
            async with (
                CallContext(20) as context,
                aclosing(speaker.stream(prompt, context)) as sounds,
            ):
                yield (await anext(sounds)).pcm

        yield first


@asynccontextmanager
async def agent(server: str, gap: int) -> AsyncGenerator[FirstSound]:
    """The toolkit's agent."""
    import mediatoolkit as mt

    model = SPEECH.split("/")[3].split(":", maxsplit=1)[0].format(gap=gap)
    speaker = mt.GeminiSpeechClient("key", base_url=server, model=model)
    async with mt.VoiceAgent(speaker) as voice:

        @asynccontextmanager
        async def first() -> AsyncGenerator[bytes]:
            async with aclosing(voice.stream("Hello.")) as sounds:
                yield (await anext(sounds)).pcm

        yield first


@asynccontextmanager
async def base(server: str, gap: int) -> AsyncGenerator[FirstSound]:
    """One aiohttp session, and as little else as possible."""
    import aiohttp

    url = server + SPEECH.format(gap=gap) + "?alt=sse"
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello."}]}]}
    async with aiohttp.ClientSession() as session:

        @asynccontextmanager
        async def first() -> AsyncGenerator[bytes]:
            async with session.post(url, json=body) as response:
                event = await response.content.readuntil(b"\r\n\r\n")
                (part,) = json.loads(event[6:])["candidates"][0]["content"]["parts"]
                yield base64.b64decode(part["inlineData"]["data"])

        yield first


SOUND_WAYS = {"client": client, "agent": agent, "base": base}
