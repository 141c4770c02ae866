"""The words a user types. Thin: each one starts a job with this kernel's default agent.

In IPython every job that starts here shows itself; elsewhere the widgets are never imported.
"""

import asyncio
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mediatoolkit import loops, running
from mediatoolkit.agents import Agent, ImageGenAgent, VideoGenAgent, VoiceAgent
from mediatoolkit.call import Call, Saving
from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.job import Job
from mediatoolkit.media import Audio, Image, Video
from mediatoolkit.prompts import ImagePrompt, Size, SpeechPrompt, VideoPrompt
from mediatoolkit.providers.registry import client_class, default_vendor, split_id
from mediatoolkit.quoting import quoted
from mediatoolkit.store import Pending, Store, named
from mediatoolkit.transport import Secret, Timeout, Transport, call_within
from mediatoolkit.transport.guard import Origin
from mediatoolkit.transport.session import sessions

if TYPE_CHECKING:
    from mediatoolkit.widgets.studio import Studio as StudioWidget

T = TypeVar("T")
A = TypeVar("A", bound=Agent[Any, Any])

_agents: dict[tuple[type[Agent[Any, Any]], str, Secret | None], Agent[Any, Any]] = {}


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
    maker = _maker(ImageGenAgent, agent, model)
    shape = {"size": size, "aspect": aspect, "seed": seed, "mask": mask}
    given = {name: value for name, value in shape.items() if value is not None}
    if not (isinstance(references, (list, tuple)) and not references):
        given["references"] = references
    return _shown(maker.start(prompt, timeout=timeout, **given, **options))


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
    maker = _maker(VoiceAgent, agent, model)
    job = maker.start(text, timeout=timeout, voice=voice, style=style, speed=speed, **options)
    return _shown(job)


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
    maker = _maker(VideoGenAgent, agent, model)
    given = options if image is None else {**options, "image": image}
    return _shown(maker.start(prompt, timeout=timeout, seconds=seconds, **given))


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
        narration: What is heard: `Audio`, or a text that the local voice speaks.
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

    async def work(call: Call) -> Video:
        from mediatoolkit.providers.local.film import FilmPlan, make_film

        plan = await asyncio.to_thread(
            FilmPlan.of, images, narration=narration, captions=captions, seconds=seconds, size=size
        )
        await store.check()
        made = await make_film(plan, call)
        call.report(Saving())
        return await store.put(made)

    call = call_within(timeout, Timeout(total=300))
    return _shown(Job(work, call, label="a film of pictures"))


def Studio() -> "StudioWidget":  # noqa: N802 - reads as the thing it makes
    """Open a form for pictures, speech and film: `studio = mt.Studio()`.

    Returns:
        A widget. `studio.result` is what it shows, `studio.history` all that was made with it; as
        with the verbs, everything is also kept in the default store.
    """
    from mediatoolkit.widgets.studio import Studio as StudioWidget

    return StudioWidget(_unshown, loops.chosen())


class Jobs:
    """The jobs of this kernel, and those that an earlier one left behind; public as `mt.jobs`."""

    def running(self) -> list[Job[Any]]:
        """The jobs that run, on every loop, in no order."""
        return running.running()

    def cancel_all(self) -> int:
        """Cancel every running job. Safe from any thread.

        Returns:
            How many there were.
        """
        return running.cancel_all()

    def pending(self) -> list[Pending]:
        """Vendors' jobs in the default store that were begun and are not finished, oldest first."""
        return Store.default().pending()

    def resume(self, job_id: str, *, timeout: float | Timeout | None = None) -> Job[Video]:
        """Go on with a vendor's job that an earlier kernel began; nothing is paid again.

        Raises:
            PromptError: No such job is pending.
            AuthenticationError: The vendor needs a key, and there is none.
        """
        found = named(job_id, self.pending())
        if found is None:
            raise PromptError(f"No job {quoted(job_id)} is pending; mt.jobs.pending() lists them.")
        return _shown(_maker(VideoGenAgent, None, found.origin.model).pick_up(found, timeout))

    def _ipython_display_(self) -> None:
        """A live panel where there is a page for it."""
        if not _in_kernel():
            raise NotImplementedError  # IPython's word for going on with the repr
        from mediatoolkit import widgets

        widgets.show_jobs(self.running(), map(repr, self.pending()))

    def __repr__(self) -> str:
        """One line a job."""
        lines = sorted(map(repr, self.running())) + list(map(repr, self.pending()))
        return "\n".join(lines) or "no jobs"


jobs = Jobs()
"""The jobs of this kernel."""


async def download(
    url: str, path: str | os.PathLike[str], *, timeout: float | Timeout | None = None
) -> Path:
    """Download a file, whole or not at all.

    Args:
        url: http(s). Its own host may be private; what it redirects to may not.
        path: File to make or replace, in a folder that exists.
        timeout: Seconds for everything together; left out, 180.

    Returns:
        *path*.

    Raises:
        UnsafeURLError: *url*, or what it redirects to, is not fetched.
        StorageError: The file could not be written; nothing is left behind.
        TransportError: It did not arrive whole in time.
    """
    origin = Origin.of(url)
    async with (
        Transport(str(origin), provider=origin.host) as transport,
        call_within(timeout, Timeout()) as call,
    ):
        return await transport.download(url, path, call)


async def close() -> None:
    """Close every session of this kernel, and what still runs over them; all can be used again."""
    while _agents:
        _, agent = _agents.popitem()
        await agent.close()
    await sessions.close()
    if not loops.background.is_here():
        await asyncio.wrap_future(loops.background.end())


def _maker(kind: type[A], agent: A | None, model: str | None) -> A:
    """The agent to use: the given one, or one for each model and key, kept until `close`.

    A corrected key is another key, so it is noticed.
    """
    if agent is not None:
        if model is not None:
            raise MediaToolkitError("Give either agent= or model=; an agent has its own models.")
        if not isinstance(agent, kind):
            raise PromptError(f"agent takes an mt.{kind.__name__}, not {type(agent).__name__}.")
        return agent
    client = kind.client_type
    model_id = default_vendor(client) if model is None else model
    key = client_class(split_id(model_id)[0], client).credentials()
    made = _agents.get((kind, model_id, key))
    if made is None:
        made = _agents[kind, model_id, key] = kind(model_id, store=Store.default())
    return cast("A", made)


def _unshown(kind: str, prompt: str, *, model: str | None = None, **options: Any) -> Job[Any]:
    """As the verb *kind*; who asks shows the job."""
    makers: dict[str, type[Agent[Any, Any]]] = {
        maker.kind: maker for maker in (ImageGenAgent, VoiceAgent, VideoGenAgent)
    }
    return _maker(makers[kind], None, model).start(prompt, **options)


def _shown(job: Job[T]) -> Job[T]:
    if _in_ipython():
        from mediatoolkit import widgets

        widgets.show(job)
    return job


def _in_ipython() -> bool:
    """Whether a person types here."""
    return _shell() is not None


def _in_kernel() -> bool:
    """Whether there is a page as well."""
    return getattr(_shell(), "kernel", None) is not None


def _shell() -> object:
    """IPython's, or None; it is asked only where it is already loaded."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


if _in_kernel():  # before there is a job: the kernel says on which loop it runs
    from mediatoolkit import widgets

    widgets.install()
