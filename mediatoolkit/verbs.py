"""The words a user types. Thin: each one starts a job with this kernel's default agent.

In a notebook every job that starts here shows itself; elsewhere the widgets are never imported.
"""

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mediatoolkit.agents import ImageGenAgent
from mediatoolkit.call import Call
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.jobs import Job
from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt, Size
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.registry import client_class, default_vendor
from mediatoolkit.store import Store
from mediatoolkit.transport import Secret, Timeout, Transport, seconds_of

_agents: dict[tuple[str, Secret | None], ImageGenAgent] = {}


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
    _needs_loop("image")
    if agent is not None and model is not None:
        raise MediaToolkitError("Give either agent= or model=; an agent has its own models.")
    shape = {"size": size, "aspect": aspect, "seed": seed, "mask": mask}
    given = {name: value for name, value in shape.items() if value is not None}
    if references:
        given["references"] = references
    maker = agent or _default_agent(model)
    return _shown(maker.start(prompt, timeout=timeout, **given, **options))


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
    parts = urlsplit(url)
    async with (
        Transport(f"{parts.scheme}://{parts.netloc}", provider=parts.hostname or "download") as to,
        Call(seconds_of(timeout, Timeout())) as call,
    ):
        return await to.download(url, Path(path), call)


async def close() -> None:
    """Close every session of this kernel, and what still runs over them; all can be used again."""
    from mediatoolkit.transport.session import sessions

    while _agents:
        _, agent = _agents.popitem()
        await agent.close()
    await sessions.close()


def _default_agent(model: str | None) -> ImageGenAgent:
    """One agent for each model and key, so that a corrected key is noticed."""
    model_id = model or default_vendor(ImageClient)
    key = client_class(model_id.partition("/")[0], ImageClient).credentials()
    agent = _agents.get((model_id, key))
    if agent is None:
        agent = _agents[model_id, key] = ImageGenAgent(model_id, store=Store.default())
    return agent


def _needs_loop(verb: str) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        failure = MediaToolkitError(
            f"mt.{verb} needs a running event loop: use it in a notebook cell, or in a coroutine "
            "that asyncio.run starts."
        )
    else:
        return
    raise failure


def _shown(job: Job[Image]) -> Job[Image]:
    if _in_kernel():
        from mediatoolkit import widgets

        widgets.show(job)
    return job


def _in_kernel() -> bool:
    """Whether this is a Jupyter kernel; IPython is asked only where it is already loaded."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
