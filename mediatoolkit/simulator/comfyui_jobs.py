"""ComfyUI's queue: jobs that run one after the other, and who is told how they go."""

import asyncio
import base64
import contextlib
import json
import struct
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mediatoolkit.simulator.api_faults import ApiFault, BadPicture, StreamError
from mediatoolkit.simulator.broken_media import broken_base64
from mediatoolkit.simulator.comfyui_graph import Sketch, evaluate, inputs_of, order
from mediatoolkit.simulator.films import FilmOrder, shoot
from mediatoolkit.simulator.http import Talk
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.vendor import Settings

DATA = json.loads(Path(__file__).with_name("comfyui.json").read_text())
_PREVIEW_SIDE = 128  # pixels
_STATES = {"success": "completed", "error": "failed", "interrupted": "cancelled"}


class FileName(NamedTuple):
    """Where a file lies: `input`, `output` or `temp`, a folder within, a name."""

    kind: str
    subfolder: str
    filename: str

    @property
    def facts(self) -> dict[str, str]:
        """As outputs and `/view` name it."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.kind}

    @property
    def spellings(self) -> tuple[str, ...]:
        """How an input of a graph may name it."""
        path = f"{self.subfolder}/{self.filename}" if self.subfolder else self.filename
        annotated = f"{path} [{self.kind}]"
        return (path, annotated) if self.kind == "input" else (annotated,)


@dataclass(eq=False)
class QueuedGraph:
    """One graph that waits, runs or has ended."""

    number: float
    name: str
    graph: dict[str, Any]
    extra: dict[str, Any]
    outputs: list[str]
    fault: ApiFault | None
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    ending: str = ""
    task: asyncio.Task[None] | None = None

    @property
    def item(self) -> list[Any]:
        """As `/queue` and `/history` show it."""
        return [self.number, self.name, self.graph, self.extra, self.outputs]

    @property
    def history(self) -> dict[str, Any]:
        """What `/history` says of it."""
        is_done = self.ending == "success"
        status = {"status_str": "success" if is_done else "error", "completed": is_done}
        return {
            "prompt": self.item,
            "outputs": self.results,
            "meta": {name: _node_facts(name) for name in self.results},
            "status": {**status, "messages": self.messages},
        }

    @property
    def summary(self) -> dict[str, Any]:
        """What `/api/jobs` says of it."""
        files = [
            {**file, "nodeId": name, "mediaType": kind}
            for name, results in self.results.items()
            for kind, listed in results.items()
            if kind != "animated"
            for file in listed
        ]
        facts = {
            "id": self.name,
            "status": _STATES.get(self.ending, "in_progress" if self.task else "pending"),
            "priority": self.number,
            "create_time": self.extra["create_time"],
            "outputs_count": len(files),
            "preview_output": next(iter(files), None),
            "execution_error": dict(self.messages).get("execution_error"),
        }
        return {name: fact for name, fact in facts.items() if fact is not None}

    def interrupt(self) -> None:
        """End it where it is."""
        if self.task is not None and not self.ending:
            self.ending = "interrupted"
            self.task.cancel()


class SocketClient(Talk):
    """One client at its WebSocket."""

    def __init__(self, leave: Callable[["SocketClient"], None]) -> None:
        """Begin with nothing to say."""
        self._leave = leave
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.wants_metadata = False

    async def messages(self) -> AsyncGenerator[str | bytes]:
        """Everything that is said to this client."""
        try:
            while True:
                yield await self._queue.get()
        finally:
            self._leave(self)

    def hear(self, message: str | bytes) -> None:
        """Take the features of the client; anything else is ignored."""
        with contextlib.suppress(ValueError, LookupError, TypeError):
            document = json.loads(message)
            if document["type"] == "feature_flags":
                self.wants_metadata = bool(document["data"]["supports_preview_metadata"])
                self.say("feature_flags", DATA["features"])

    def say(self, kind: str, data: Any) -> None:
        """Send a message of text."""
        self._queue.put_nowait(json.dumps({"type": kind, "data": data}))

    def show(self, jpeg: bytes, facts: Mapping[str, Any]) -> None:
        """Send a preview, in the form that the client takes."""
        if not self.wants_metadata:
            self._queue.put_nowait(struct.pack(">II", 1, 1) + jpeg)
            return
        metadata = json.dumps({**facts, "image_type": "image/jpeg"}).encode()
        self._queue.put_nowait(struct.pack(">II", 4, len(metadata)) + metadata + jpeg)


class _ExecutionError(Exception):
    """A node fails."""


class Queue:
    """The jobs of one server, its files, and the clients at its WebSocket.

    Args:
        settings: How the simulator was set up.

    Attributes:
        pending: What waits.
        running: What runs, or None.
        ended: What has ended, by name, the oldest first.
        files: Everything that was uploaded or made.
    """

    def __init__(self, settings: Settings) -> None:
        """Begin empty."""
        self._settings = settings
        self._counters: Counter[tuple[str, str]] = Counter()
        self._clients: dict[str, SocketClient] = {}
        self._worker: asyncio.Task[None] | None = None
        self._node: str | None = None  # that runs
        self.pending: list[QueuedGraph] = []
        self.running: QueuedGraph | None = None
        self.ended: dict[str, QueuedGraph] = {}
        self.files: dict[FileName, bytes] = {}

    @property
    def jobs(self) -> list[QueuedGraph]:
        """All of them."""
        return [*self.ended.values(), *([self.running] if self.running else []), *self.pending]

    @property
    def count(self) -> dict[str, Any]:
        """How many are left to do, as the server says it."""
        remaining = len(self.pending) + (self.running is not None)
        return {"exec_info": {"queue_remaining": remaining}}

    def put(self, job: QueuedGraph) -> None:
        """Let *job* wait for its turn."""
        self.pending.append(job)
        self._tell_count()
        if self._worker is None or self._worker.done():
            self._worker = self._settings.begin(self._work())

    def withdraw(self, name: str) -> bool:
        """Take a job out that waits; whether there was one comes back."""
        kept = [job for job in self.pending if job.name != name]
        is_there = len(kept) < len(self.pending)
        self.pending = kept
        if is_there:
            self._tell_count()
        return is_there

    def listen(self, name: str) -> SocketClient:
        """What the client *name* is told from now on; its older socket is told nothing more."""
        news = self._clients[name] = SocketClient(self._leave)
        news.say("status", {"status": self.count, "sid": name})
        job = self.running
        if job is not None and job.extra.get("client_id") == name and self._node is not None:
            news.say("executing", {"node": self._node})
        return news

    def _leave(self, news: SocketClient) -> None:
        self._clients = {name: each for name, each in self._clients.items() if each is not news}

    def _listener(self, job: QueuedGraph) -> SocketClient | None:
        return self._clients.get(str(job.extra.get("client_id")))

    def _tell(self, job: QueuedGraph, kind: str, **data: Any) -> None:
        news = self._listener(job)
        if news is not None:
            news.say(kind, {**data, "prompt_id": job.name})

    def _note(self, job: QueuedGraph, kind: str, **data: Any) -> None:
        """Tell it, and keep it for the history."""
        data = {**data, "prompt_id": job.name, "timestamp": int(time.time() * 1000)}
        job.messages.append((kind, data))
        self._tell(job, kind, **data)

    def _tell_count(self) -> None:
        for news in self._clients.values():
            news.say("status", {"status": self.count})

    def _tell_state(self, job: QueuedGraph, name: str, value: int, most: int) -> None:
        state = "finished" if value == most else "running"
        facts = {"value": value, "max": most, "state": state, "prompt_id": job.name}
        self._tell(job, "progress_state", nodes={name: facts | _node_facts(name)})

    async def _work(self) -> None:
        """Run what waits, one job at a time."""
        while self.pending:
            job = min(self.pending, key=lambda each: each.number)
            self.pending.remove(job)
            self.running = job
            self._tell_count()
            job.task = self._settings.begin(self._execute(job))
            try:
                await job.task
            except asyncio.CancelledError:
                if job.ending != "interrupted":
                    raise
                self._note(job, "execution_interrupted", **self._place(job), executed=[])
            self.ended[job.name] = job
            self.running = self._node = None
            self._tell_count()
            self._tell(job, "executing", node=None)

    async def _execute(self, job: QueuedGraph) -> None:
        self._note(job, "execution_start")
        self._note(job, "execution_cached", nodes=[])
        made: dict[str, Sequence[Any]] = {}
        try:
            for name in order(job.graph, job.outputs):
                self._node = name
                self._tell(job, "executing", node=name, display_node=name)
                self._tell_state(job, name, 0, 1)
                made[name] = await self._run(job, name, inputs_of(job.graph[name], made))
                self._tell_state(job, name, 1, 1)
        except _ExecutionError as error:
            job.ending = "error"
            facts = {**DATA["error"], "exception_message": f"{error}\n"}
            self._note(job, "execution_error", **self._place(job), executed=list(made), **facts)
        else:
            job.ending = "success"
            self._note(job, "execution_success")

    def _place(self, job: QueuedGraph) -> dict[str, Any]:
        """The node that runs."""
        name = self._node or next(iter(job.graph))
        return {"node_id": name, "node_type": job.graph[name]["class_type"]}

    async def _run(self, job: QueuedGraph, name: str, values: dict[str, Any]) -> Sequence[Any]:
        """Run one node."""
        kind = job.graph[name]["class_type"]
        if kind == "LoadImage":
            values |= await self._load(values["image"])
        made = evaluate(kind, values)
        if kind == "KSampler":
            steps = self._settings.pace.count(int(values["steps"]))
            await self._sample(job, name, made[0], steps)
        elif DATA["object_info"][kind]["output_node"]:
            job.results[name] = output = await self._save(job, kind, values)
            self._tell(job, "executed", node=name, display_node=name, output=output)
        return made

    async def _load(self, spelling: str) -> dict[str, Any]:
        data = next(data for name, data in self.files.items() if spelling in name.spellings)
        try:
            picture = await self._settings.pictures.look(data)
        except NotAPictureError as error:
            raise _ExecutionError("cannot identify image file") from error
        return {"image": data, "width": picture.width, "height": picture.height}

    async def _sample(self, job: QueuedGraph, name: str, sketch: Sketch, steps: int) -> None:
        for step in range(1, steps + 1):
            await self._settings.pace.take(step)
            if isinstance(job.fault, StreamError) and step > steps // 2:
                raise _ExecutionError(job.fault.message)
            self._tell(job, "progress", value=step, max=steps, node=name)
            self._tell_state(job, name, step, steps)
            news = self._listener(job)
            if news is not None:
                facts = _node_facts(name) | {"prompt_id": job.name}
                news.show(await self._preview(sketch, step), facts)

    async def _preview(self, sketch: Sketch, step: int) -> bytes:
        scale = min(1.0, _PREVIEW_SIDE / max(sketch.width, sketch.height))
        size = (max(1, round(sketch.width * scale)), max(1, round(sketch.height * scale)))
        picture = PictureOrder(sketch.text, *size, step, format="JPEG", exact=True)
        return (await self._settings.pictures.make(picture)).data

    async def _save(self, job: QueuedGraph, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Write the files of an output node; what stands under its outputs comes back."""
        is_film = kind == "SaveVideo"
        sketch: Sketch = values["video" if is_film else "images"]
        folder = "temp" if kind == "PreviewImage" else "output"
        files = []
        for number in range(sketch.count):
            data = await self._picture(job, sketch, number)
            data = await self._film(sketch, data) if is_film else data
            prefix = values.get("filename_prefix", "ComfyUI_temp")
            name = self._next_name(folder, prefix, ".mp4" if is_film else ".png")
            self.files[name] = data
            files.append(name.facts)
        return {"images": files, **({"animated": [True]} if is_film else {})}

    def _next_name(self, folder: str, prefix: str, ending: str) -> FileName:
        self._counters[folder, prefix] += 1
        subfolder, _, stem = prefix.rpartition("/")
        number = self._counters[folder, prefix]
        return FileName(folder, subfolder, f"{stem}_{number:05}_{ending}")

    async def _picture(self, job: QueuedGraph, sketch: Sketch, number: int) -> bytes:
        if sketch.loaded is not None:
            return sketch.loaded
        seed = (sketch.seed or 0) + number
        size = (sketch.width, sketch.height)
        picture = PictureOrder(sketch.text, *size, seed, sketch.references, "PNG", exact=True)
        data = (await self._settings.pictures.make(picture)).data
        if isinstance(job.fault, BadPicture):
            data = base64.b64decode(broken_base64(base64.b64encode(data).decode(), job.fault.kind))
        return data

    async def _film(self, sketch: Sketch, picture: bytes) -> bytes:
        if self._settings.film is not None:
            return self._settings.film
        seconds = sketch.frames / sketch.fps
        size = (sketch.width, sketch.height)
        film = FilmOrder(sketch.text or "film", picture, *size, seconds)
        return await asyncio.to_thread(shoot, film)


def _node_facts(name: str) -> dict[str, Any]:
    facts = dict.fromkeys(("node_id", "display_node_id", "real_node_id"), name)
    return {**facts, "parent_node_id": None}
