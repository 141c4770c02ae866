"""A process that is killed at a chosen step of its work, as often as a test asks.

One process imports everything once and forks for every order that it reads. A step is a line of
our own code that is about to run, in whatever thread, so that a kill falls between any two lines
and no clock decides.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

import mediatoolkit as mt
import mediatoolkit.providers.gemini
import mediatoolkit.verbs
from mediatoolkit.caching import Cache, RequestKey
from mediatoolkit.media import Image, Provenance
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.store import Pending, Store
from tests.test_prompts import picture

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

FOX = Provenance(model="gemini/gemini-omni-1.2-flash", prompt="a fox", engine="gemini")
ROOMS = (
    "agents.py",
    "cache",
    "providers",
    "runtime/files.py",
    "runtime/owners.py",
    "store.py",
    "transport",
)
_OURS = tuple(str(Path(mt.__file__).parent / room) for room in ROOMS)


class Work:
    """What is done in a folder, and what of it is known to be over.

    Args:
        folder: Everything happens below it.
        url: Of the vendor, or of a file.
    """

    def __init__(self, folder: Path, url: str) -> None:
        """Do nothing yet."""
        self.folder = folder
        self.store = Store(folder / "store")
        self.url = url

    def say(self, word: str) -> None:
        """Note something that even a kill cannot undo."""
        with (self.folder / "said").open("a") as file:
            file.write(f"{word}\n")

    async def keep(self) -> None:
        """Keep pictures in a store."""
        await self.store.check()
        for side in (8, 80, 400):
            kept = await self.store.put(Image(picture((side, side)), provenance=FOX))
            self.say(Path(kept.path or "").name)

    async def recall(self) -> None:
        """Keep pictures by request, or take those that are kept."""
        await self.store.check()
        cache = Cache(self.store)
        for side in (8, 80, 400):
            key = RequestKey.of(kind="image", model=FOX.model, text=f"a fox {side}", options={})
            if await cache.get(key) is None:
                kept = await cache.put(key, Image(picture((side, side)), provenance=FOX))
                self.say(Path(kept.path or "").name)
            self.say(f"{key.digest}.json")

    async def save(self) -> None:
        """Save pictures where the user wants them, one of them twice."""
        for name in ("a", "b", "b"):
            path = Image(picture((300, 300)), provenance=FOX).save(self.folder / f"{name}.png")
            self.say(path.name)

    async def fetch(self) -> None:
        """Download a file."""
        await mt.download(self.url, self.folder / "file.bin")
        self.say("file.bin")

    async def note(self) -> None:
        """Write down jobs, intents before them, and forget some."""
        for name in ("a", "b", "c"):
            intent = Pending.intent("video", FOX)
            await self.store.remember(intent)
            await self.store.remember(intent.begun(name), instead_of=intent)
            self.say(name)
        for name in ("a", "b"):
            self.say(f"-{name}")
            await self.store.forget(name)

    async def film(self) -> None:
        """Have a vendor make a film, or go on with the one that was begun."""
        QueuedClient.polling = Polling(first=0.001, cap=0.001)
        client = mt.GeminiVideoClient("test-key", base_url=self.url)
        async with mt.VideoGenAgent(client, store=self.store) as agent:
            await self.store.check()
            for pending in agent.pending():
                if pending.is_intent:
                    agent.forget(pending.id)
                else:
                    await agent.resume(pending.id)
                return
            if not list(self.store.folder.glob("*.mp4")):
                await agent.generate("a fox")


class Steps:
    """Counts steps, and ends the process at one of them.

    Args:
        fatal: Number of the step that is not reached alive; 0 for none.
    """

    def __init__(self, fatal: int) -> None:
        """Begin at none."""
        self.count = 0
        self._fatal = fatal

    def __enter__(self) -> Self:
        """Count, in threads that begin from now on, too."""
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        """Count no more."""
        sys.settrace(None)

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        return self._step if frame.f_code.co_filename.startswith(_OURS) else None

    def _step(self, _frame: FrameType, _event: str, _argument: object) -> Any:
        self.count += 1
        if self.count == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._step


def _do(order: dict[str, Any]) -> int:
    """Follow *order*; returns how many steps that took."""
    folder = Path(order["folder"])
    tempfile.tempdir = str(folder / "tmp")
    work = Work(folder, order["url"])
    activity: Callable[[], Coroutine[Any, Any, None]] = getattr(work, order["what"])

    async def everything() -> None:
        await activity()
        await mt.close()

    if order["steps"] is None:
        asyncio.run(everything())
        return 0
    with Steps(order["steps"]) as steps:
        asyncio.run(everything())
    return steps.count


def _forked(order: dict[str, Any]) -> tuple[int, int]:
    """Follow *order* in a child; returns its exit code and the steps it took, if it lived."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(writing, b"%d" % _do(order))
            code = 0
        except BaseException:  # noqa: BLE001 - the test that asks shows it
            traceback.print_exc()
        os._exit(code)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    steps = os.read(reading, 20)
    os.close(reading)
    return os.waitstatus_to_exitcode(status), int(steps or 0)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)
