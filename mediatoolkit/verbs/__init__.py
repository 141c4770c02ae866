"""The verbs that a user types. Each only starts a job with this kernel's default agent.

In IPython every job that starts here shows itself; elsewhere the widgets are never imported.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Unpack, overload

from mediatoolkit.agents import ImageGenAgent, VideoGenAgent, VoiceAgent
from mediatoolkit.agents.vendor_jobs import check_resumable
from mediatoolkit.caching import CacheWord
from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Audio, Image, ImageLike, Video
from mediatoolkit.prompts import (
    ImageOptions,
    ImagePrompt,
    Size,
    SpeechOptions,
    SpeechPrompt,
    VideoOptions,
    VideoPrompt,
)
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Saving
from mediatoolkit.runtime.gather import resolve_jobs
from mediatoolkit.runtime.job import Job, cancel_all, running_jobs
from mediatoolkit.runtime.work import work_times
from mediatoolkit.store import Pending, Store, find_job
from mediatoolkit.transport.session import sessions
from mediatoolkit.verbs.downloads import download as download
from mediatoolkit.verbs.kinds import AGENTS, checked_kind
from mediatoolkit.verbs.starting import agent_for, in_ipython, kept_agents, show, start
from mediatoolkit.verbs.starting import start_hidden as start_hidden

__all__ = ["close", "download", "film", "image", "jobs", "sessions", "speech", "video"]


@overload
def image(
    prompt: str | ImagePrompt,
    *,
    model: str | None = ...,
    size: Size | None = ...,
    aspect: str | None = ...,
    seed: int | None = ...,
    references: Iterable[ImageLike | Job[Image]] = ...,
    mask: ImageLike | Job[Image] | None = ...,
    timeout: float | Timeout | None = ...,
    cache: CacheWord = ...,
    take: int | None = ...,
    agent: ImageGenAgent | None = ...,
    **options: Unpack[ImageOptions],
) -> Job[Image]: ...


@overload
def image(
    prompt: str | ImagePrompt,
    *,
    model: str | None = ...,
    size: Size | None = ...,
    aspect: str | None = ...,
    seed: int | None = ...,
    references: Iterable[ImageLike | Job[Image]] = ...,
    mask: ImageLike | Job[Image] | None = ...,
    timeout: float | Timeout | None = ...,
    cache: CacheWord = ...,
    take: int | None = ...,
    agent: ImageGenAgent | None = ...,
    **options: Any,
) -> Job[Image]: ...


def image(
    prompt: str | ImagePrompt,
    *,
    model: str | None = None,
    size: Size | None = None,
    aspect: str | None = None,
    seed: int | None = None,
    references: Iterable[ImageLike | Job[Image]] = (),
    mask: ImageLike | Job[Image] | None = None,
    timeout: float | Timeout | None = None,
    cache: CacheWord = None,
    take: int | None = None,
    agent: ImageGenAgent | None = None,
    **options: Any,
) -> Job[Image]:
    """Make a picture: `fox = await mt.image("a red fox under the stars")`.

    Args:
        prompt: What to see.
        model: Model id, `vendor/model`. Left out, the first vendor whose key is set, else the
            embedded engine, which needs none.
        size: `"512"`, `"1K"`, `"2K"`, `"4K"`, or pixels, where the model takes them; the
            embedded engine takes up to 2048×2048.
        aspect: Width to height, such as `"16:9"`.
        seed: Makes the same picture again, where the model honours it.
        references: Pictures to start from: `Image`, bytes, path, Pillow image or array.
        mask: White where the first reference may change.
        timeout: Seconds for everything together.
        cache: True hands out a kept result of the same request, else sends and keeps;
            `"refresh"` sends in any case and keeps; `"only"` never sends; False leaves the cache
            alone. Left out, the agent decides, then `mt.configure(cache=…)`.
        take: Which of several results of the same request, from 1. Left out, the n-th such
            request of this run of the cell is take n.
        agent: Makes it instead of the default agent, and keeps it in its own `store=`, where it
            has one; then *model* stays out.
        options: What the model takes beyond these.

    Returns:
        A job. It runs at once; in a notebook it shows itself and is replaced by the picture.
        Awaiting it gives the `Image`, which the default agent also keeps in the default store.

    Raises:
        PromptError: It cannot be drawn as asked; nothing was sent.
        UnknownModelError: No installed provider serves *model*.
        AuthenticationError: The vendor needs a key, and there is none.
    """
    options |= {"size": size, "aspect": aspect, "seed": seed, "mask": mask}
    options |= {"references": references, "timeout": timeout, "cache": cache, "take": take}
    return start(agent_for(ImageGenAgent, agent, model), prompt, options)


@overload
def speech(
    text: str | SpeechPrompt,
    *,
    voice: str | None = ...,
    style: str | None = ...,
    speed: float | None = ...,
    model: str | None = ...,
    timeout: float | Timeout | None = ...,
    cache: CacheWord = ...,
    take: int | None = ...,
    agent: VoiceAgent | None = ...,
    **options: Unpack[SpeechOptions],
) -> Job[Audio]: ...


@overload
def speech(
    text: str | SpeechPrompt,
    *,
    voice: str | None = ...,
    style: str | None = ...,
    speed: float | None = ...,
    model: str | None = ...,
    timeout: float | Timeout | None = ...,
    cache: CacheWord = ...,
    take: int | None = ...,
    agent: VoiceAgent | None = ...,
    **options: Any,
) -> Job[Audio]: ...


def speech(
    text: str | SpeechPrompt | None = None,
    *,
    voice: str | None = None,
    style: str | None = None,
    speed: float | None = None,
    model: str | None = None,
    timeout: float | Timeout | None = None,
    cache: CacheWord = None,
    take: int | None = None,
    agent: VoiceAgent | None = None,
    **options: Any,
) -> Job[Audio]:
    """Make speech: `voice = await mt.speech("Once upon a time…")`.

    Args:
        text: What to say; `prompt=` is taken as well, since it is the other verbs' name for it.
        voice: A voice of the model, by name.
        style: How to say it; never spoken.
        speed: 1 is the voice's own pace.
        model: Model id, as in `image`.
        timeout: Seconds for everything together.
        cache: As in `image`.
        take: As in `image`.
        agent: Makes it instead of the default agent, and keeps it in its own `store=`, where it
            has one; then *model* stays out.
        options: As in `SpeechPrompt`, and what the model takes beyond it.

    Returns:
        A job, as `image`; awaiting it gives the `Audio`.

    Raises:
        PromptError: It cannot be said as asked; nothing was sent.
        UnknownModelError: No installed provider serves *model*.
        AuthenticationError: The vendor needs a key, and there is none.
    """
    text = options.pop("prompt", "") if text is None else text
    options |= {"voice": voice, "style": style, "speed": speed}
    options |= {"timeout": timeout, "cache": cache, "take": take}
    return start(agent_for(VoiceAgent, agent, model), text, options)


@overload
def video(
    prompt: str | VideoPrompt,
    *,
    image: ImageLike | Job[Image] | None = ...,
    seconds: float | None = ...,
    model: str | None = ...,
    timeout: float | Timeout | None = ...,
    cache: CacheWord = ...,
    take: int | None = ...,
    agent: VideoGenAgent | None = ...,
    **options: Unpack[VideoOptions],
) -> Job[Video]: ...


@overload
def video(
    prompt: str | VideoPrompt,
    *,
    image: ImageLike | Job[Image] | None = ...,
    seconds: float | None = ...,
    model: str | None = ...,
    timeout: float | Timeout | None = ...,
    cache: CacheWord = ...,
    take: int | None = ...,
    agent: VideoGenAgent | None = ...,
    **options: Any,
) -> Job[Video]: ...


def video(
    prompt: str | VideoPrompt,
    *,
    image: ImageLike | Job[Image] | None = None,
    seconds: float | None = None,
    model: str | None = None,
    timeout: float | Timeout | None = None,
    cache: CacheWord = None,
    take: int | None = None,
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
        cache: As in `image`.
        take: As in `image`.
        agent: Makes it instead of the default agent, and keeps it in its own `store=`, where it
            has one; then *model* stays out.
        options: As in `VideoPrompt`, and what the model takes beyond it.

    Returns:
        A job, as `image`; awaiting it gives the `Video`. A vendor's job is written down before it
        is first polled: `mt.jobs.pending()` lists what an earlier kernel left behind.

    Raises:
        PromptError: It cannot be made as asked; nothing was sent.
        UnknownModelError: No installed provider serves *model*.
        AuthenticationError: The vendor needs a key, and there is none.
    """
    options |= {"image": image, "seconds": seconds}
    options |= {"timeout": timeout, "cache": cache, "take": take}
    return start(agent_for(VideoGenAgent, agent, model), prompt, options)


def film(
    images: object,
    narration: object = None,
    *,
    captions: bool = True,
    seconds: float | Sequence[float] | None = None,
    size: str | tuple[int, int] | None = None,
    timeout: float | Timeout | None = None,
) -> Job[Video]:
    """Make one film of existing pictures and a voice, on this machine.

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
        A job; awaiting it gives the `Video`, which the default agent also keeps in the default
        store.

    Raises:
        PromptError: It cannot be made as asked, such as a film of no pictures.
        MediaError: A picture or the narration is none that we take.
        MissingExtraError: PyAV is not installed.
    """
    store = Store.default()
    if isinstance(images, Iterator):
        images = list(images)  # a retry reads them a second time

    async def work(context: CallContext) -> Video:
        from mediatoolkit.providers.local.film import MODEL, FilmPlan, make_film

        pictures, voice = await resolve_jobs([images, narration], context)
        plan = await asyncio.to_thread(
            FilmPlan.of, pictures, narration=voice, captions=captions, seconds=seconds, size=size
        )
        await store.check()
        with work_times.measured((MODEL, *plan.extent), context.work):
            result = await make_film(plan, context)
        context.report(Saving())
        return await store.put(result)

    context = context_for(timeout, Timeout(total=300))
    return show(lambda: Job(work, context, label="a film of pictures"))


async def close() -> None:
    """Close every session of this kernel; all can be used again.

    Calls over them on this loop, and all that the verbs began, end with `ClosedError`. A
    film that a vendor makes goes on there, and stays in `mt.jobs.pending()`.
    """
    # Emptied first, so that a verb called meanwhile makes a new agent.
    agents = list(kept_agents.values())
    kept_agents.clear()
    await sessions.close()
    await asyncio.gather(*(agent.interrupt() for agent in agents))
    # The background loop cannot wait for its own end.
    if not loops.background.is_here():
        await asyncio.wrap_future(loops.background.end())


class Jobs:
    """The jobs of this kernel, and those that an earlier one left behind; public as `mt.jobs`."""

    def running(self) -> list[Job[Any]]:
        """The jobs that run, on every loop, in no order."""
        return running_jobs()

    def cancel_all(self) -> int:
        """Cancel every running job. Safe from any thread.

        Returns:
            How many there were.
        """
        return len(cancel_all())

    def pending(self) -> list[Pending]:
        """Vendors' jobs in the default store that were begun and are not finished, oldest first.

        A job with `is_intent` was about to begin when its kernel died, and may have been paid.
        """
        return Store.default().pending()

    def forget(self, job_id: str) -> None:
        """Drop the record of a vendor's job that is pending; the vendor is told nothing.

        A record otherwise goes only with the finished media, or by the vendor's own word that the
        job failed, was refused or cancelled.

        Raises:
            PromptError: No such job is pending.
            StorageError: The record cannot be removed.
        """
        Store.default().drop(self._pending(job_id).id)

    def resume(self, job_id: str, *, timeout: float | Timeout | None = None) -> Job[Any]:
        """Go on with a vendor's job that an earlier kernel began; nothing is paid again.

        Raises:
            PromptError: No such job is pending, or the vendor never gave it a name.
            AuthenticationError: The vendor needs a key, and there is none.
        """
        pending = self._pending(job_id)
        check_resumable(pending, Store.default())
        kind = AGENTS[checked_kind(pending.kind)]
        agent = agent_for(kind, None, pending.provenance.model)
        return show(lambda: agent.resume_job(pending, timeout))

    def _pending(self, job_id: str) -> Pending:
        pending = find_job(job_id, self.pending())
        if pending is None:
            raise PromptError(f"No job {quoted(job_id)} is pending; mt.jobs.pending() lists them.")
        return pending

    def _ipython_display_(self) -> None:
        """A live panel where there is a page for it."""
        from mediatoolkit import widgets

        if not widgets.show_jobs(self.running(), map(repr, self.pending())):
            raise NotImplementedError  # IPython's word for going on with the repr

    def __repr__(self) -> str:
        """One line for each job."""
        lines = sorted(map(repr, self.running())) + list(map(repr, self.pending()))
        return "\n".join(lines) or "no jobs"


jobs = Jobs()
"""The jobs of this kernel."""


# Before there is a job, since the kernel's hooks say on which loop it runs.
if in_ipython():
    from mediatoolkit import widgets
    from mediatoolkit.verbs.tables import start_table

    widgets.install(start_table)
