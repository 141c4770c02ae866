"""Pictures, speech and films: each verb starts a job with this kernel's default agent."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mediatoolkit.agents import ImageGenAgent, VideoGenAgent, VoiceAgent, resolve_jobs
from mediatoolkit.media import Audio, Image, Video
from mediatoolkit.prompts import ImagePrompt, Size, SpeechPrompt, VideoPrompt
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Saving
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Store
from mediatoolkit.verbs.defaults import agent_for
from mediatoolkit.verbs.showing import shown


def image(
    prompt: str | ImagePrompt,
    *,
    model: str | None = None,
    size: Size | None = None,
    aspect: str | None = None,
    seed: int | None = None,
    references: Iterable[object] = (),
    mask: object = None,
    timeout: float | Timeout | None = None,
    agent: ImageGenAgent | None = None,
    **options: Any,
) -> Job[Image]:
    """Make a picture: `fox = await mt.image("a red fox under the stars")`.

    Args:
        prompt: What to see.
        model: Model id, `vendor/model`. Left out, the first vendor whose key is set, else the
            embedded engine, which needs none.
        size: `"512"`, `"1K"`, `"2K"`, `"4K"`, or pixels where the model takes them.
        aspect: Width to height, such as `"16:9"`.
        seed: For the same picture again, where the model keeps its word.
        references: Pictures to start from: `Image`, bytes, path, Pillow image or array.
        mask: White where the first reference may change.
        timeout: Seconds for everything together.
        agent: Makes it instead of the default agent; then *model* stays out.
        options: What the model takes beyond these.

    Returns:
        A job. It runs at once; in a notebook it shows itself and is replaced by the picture.
        Awaiting it gives the `Image`, which is also kept in the default store.

    Raises:
        PromptError: It cannot be drawn as asked; nothing was sent.
        UnknownModelError: No installed provider serves *model*.
        AuthenticationError: The vendor needs a key, and there is none.
    """
    maker = agent_for(ImageGenAgent, agent, model)
    shape = {"size": size, "aspect": aspect, "seed": seed, "mask": mask}
    given = {name: value for name, value in shape.items() if value is not None}
    if not (isinstance(references, (list, tuple)) and not references):
        given["references"] = references
    return shown(lambda: maker.start(prompt, timeout=timeout, **given, **options))


def speech(
    text: str | SpeechPrompt,
    *,
    voice: str | None = None,
    style: str | None = None,
    speed: float | None = None,
    model: str | None = None,
    timeout: float | Timeout | None = None,
    agent: VoiceAgent | None = None,
    **options: Any,
) -> Job[Audio]:
    """Make speech: `voice = await mt.speech("Once upon a time…")`.

    Args:
        text: What to say.
        voice: A voice of the model, by name.
        style: How to say it; never spoken.
        speed: 1 is the voice's own pace.
        model: Model id, as in `image`.
        timeout: Seconds for everything together.
        agent: Makes it instead of the default agent; then *model* stays out.
        options: As in `SpeechPrompt`, and what the model takes beyond it.

    Returns:
        A job, as `image`; awaiting it gives the `Audio`.

    Raises:
        PromptError: It cannot be said as asked; nothing was sent.
        UnknownModelError: No installed provider serves *model*.
        AuthenticationError: The vendor needs a key, and there is none.
    """
    maker = agent_for(VoiceAgent, agent, model)
    manner = {"voice": voice, "style": style, "speed": speed}
    return shown(lambda: maker.start(text, timeout=timeout, **manner, **options))


def video(
    prompt: str | VideoPrompt,
    *,
    image: object = None,
    seconds: float | None = None,
    model: str | None = None,
    timeout: float | Timeout | None = None,
    agent: VideoGenAgent | None = None,
    **options: Any,
) -> Job[Video]:
    """Make a film: `film = await mt.video("the fox looks up", image=fox, seconds=6)`.

    Args:
        prompt: What happens.
        image: The first picture.
        seconds: How long; left out, the model decides.
        model: Model id, as in `image`.
        timeout: Seconds for everything together.
        agent: Makes it instead of the default agent; then *model* stays out.
        options: As in `VideoPrompt`, and what the model takes beyond it.

    Returns:
        A job, as `image`; awaiting it gives the `Video`. A vendor's job is written down before it
        is first looked at: `mt.jobs.pending()` lists what an earlier kernel left behind.

    Raises:
        PromptError: It cannot be made as asked; nothing was sent.
        UnknownModelError: No installed provider serves *model*.
        AuthenticationError: The vendor needs a key, and there is none.
    """
    maker = agent_for(VideoGenAgent, agent, model)
    given = options if image is None else {**options, "image": image}
    return shown(lambda: maker.start(prompt, timeout=timeout, seconds=seconds, **given))


def film(
    images: object,
    narration: object = None,
    *,
    captions: bool = True,
    seconds: float | Sequence[float] | None = None,
    size: str | tuple[int, int] | None = None,
    timeout: float | Timeout | None = None,
) -> Job[Video]:
    """Make one film of pictures and a voice that are there already, on this machine.

    Args:
        images: One picture or several: `Image`, bytes, path, Pillow image or array. Each moves
            slowly and fades into the next; other shapes are fitted, never stretched.
        narration: What is heard: `Audio`, or a text that the local voice speaks. Jobs, here and
            among the pictures, are awaited first.
        captions: Whether to draw the narration's words into the pictures.
        seconds: Length of the film, or one length for each picture; left out, the narration and
            the pictures decide.
        size: `"720p"`, `"1280x720"` or `(width, height)`; left out, the pictures' shape.
        timeout: Seconds for everything together; left out, 300.

    Returns:
        A job; awaiting it gives the `Video`, which is also kept in the default store.

    Raises, when awaited:
        PromptError: It cannot be made as asked, such as a film of no pictures.
        MediaError: A picture or the narration is none that we take.
        MissingExtraError: PyAV is not installed.
    """
    store = Store.default()
    given = list(images) if isinstance(images, Iterator) else images  # a retry needs them, too

    async def work(context: CallContext) -> Video:
        from mediatoolkit.providers.local.film import FilmPlan, make_film

        pictures, heard = await resolve_jobs(given), await resolve_jobs(narration)
        plan = await asyncio.to_thread(
            FilmPlan.of, pictures, narration=heard, captions=captions, seconds=seconds, size=size
        )
        await store.check()
        whole = await make_film(plan, context)
        context.report(Saving())
        return await store.put(whole)

    context = context_for(timeout, Timeout(total=300))
    return shown(lambda: Job(work, context, label="a film of pictures"))
