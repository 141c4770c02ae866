"""A ComfyUI server: graphs, a queue of jobs, and a WebSocket that tells how they go.

Routes, messages and errors are those of the server's source (2026-10). A job takes the steps that
its samplers say, at the pace of `sim.pace`; `sim.drop_sockets()` takes the news of it away.

`faults.StreamError` makes a job fail halfway through its steps, with that message. A server of
one's own knows no content policy, asks for no key and bills nothing. Not played, and answered with
501: masks as files of their own, pictures of a file in other formats, classes beside those in
`comfyui.json`.
"""

import asyncio
import base64
import contextlib
import json
import mimetypes
import re
import struct
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, NoReturn

from mediatoolkit.simulator.api_faults import ApiFault, BadPicture, Status, StreamError
from mediatoolkit.simulator.broken_media import broken_base64
from mediatoolkit.simulator.comfyui_graph import (
    Drawing,
    GraphError,
    check,
    evaluate,
    inputs_of,
    order,
    problem,
)
from mediatoolkit.simulator.films import FilmOrder, shoot
from mediatoolkit.simulator.http import HttpResponse, Request, Talk, json_response
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import SchemaError
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, Purpose, RejectedError, Vendor

_DATA = json.loads(Path(__file__).with_suffix(".json").read_text())
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_PREVIEW_SIDE = 128  # pixels
_STATES = {"success": "completed", "error": "failed", "interrupted": "cancelled"}
_ANNOTATION = re.compile(r"(.+) \[(input|output|temp)\]")
_FOLDERS = ("input", "output", "temp")
Respond = Callable[[ApiCall], Awaitable[HttpResponse]]


class _FileName(NamedTuple):
    """Where a file lies: `input`, `output` or `temp`, a folder within, a name."""

    kind: str
    subfolder: str
    filename: str

    @property
    def facts(self) -> dict[str, str]:
        """As outputs and `/view` name it."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.kind}


class _ExecutionError(Exception):
    """A node fails."""


@dataclass(eq=False)
class _Job:
    """One graph in the queue, on its way, or done."""

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
        meta = {name: _node_facts(name) for name in self.results}
        return {
            "prompt": self.item,
            "outputs": self.results,
            "meta": meta,
            "status": {**status, "messages": self.messages},
        }

    def interrupt(self) -> None:
        """End it where it is."""
        if self.task is not None and not self.ending:
            self.ending = "interrupted"
            self.task.cancel()


class _News(Talk):
    """One client at its WebSocket."""

    def __init__(self, leave: Callable[["_News"], None]) -> None:
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
        """Take the features of the client."""
        with contextlib.suppress(ValueError, LookupError, TypeError):
            document = json.loads(message)
            if document["type"] == "feature_flags":
                self.wants_metadata = bool(document["data"]["supports_preview_metadata"])
                self.say("feature_flags", _DATA["features"])

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


class ComfyUI(Vendor):
    """The server."""

    name: ClassVar[str] = "comfyui"
    needs_key: ClassVar[bool] = False

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Every route, with and without `/api`."""
        self._numbers = count()
        self._counters: Counter[tuple[str, str, str]] = Counter()
        self._files: dict[_FileName, bytes] = {}
        self._pending: list[_Job] = []
        self._running: _Job | None = None
        self._node: str | None = None  # that runs
        self._ended: dict[str, _Job] = {}
        self._clients: dict[str, _News] = {}
        self._worker: asyncio.Task[None] | None = None
        routes: tuple[tuple[str, str, Purpose, Respond], ...] = (
            ("GET", "/ws", "watch", self._watch),
            ("POST", "/prompt", "start", self._submit),
            ("GET", "/prompt", "poll", self._show_count),
            ("GET", "/queue", "poll", self._show_queue),
            ("POST", "/queue", "cancel", self._change_queue),
            ("POST", "/interrupt", "cancel", self._interrupt),
            ("GET", "/history(?:/(?P<job>[^/]+))?", "poll", self._show_history),
            ("POST", "/history", "delete", self._change_history),
            ("GET", "/api/jobs", "poll", self._list_jobs),
            ("GET", "/api/jobs/(?P<job>[^/]+)", "poll", self._show_job),
            ("POST", "/api/jobs/(?P<job>[^/]+)/cancel", "cancel", self._cancel_job),
            ("POST", "/upload/image", "upload", self._upload),
            ("GET", "/view", "download", self._view),
            ("GET", "/object_info(?:/(?P<kind>[^/]+))?", "list", self._describe),
            ("GET", "/models/(?P<folder>[^/]+)", "list", self._list_models),
            ("GET", "/(?P<page>features|system_stats)", "list", self._show_page),
            ("POST", "/free", "delete", self._free),
        )
        return [
            Endpoint(method, f"(?:/api)?{path}", purpose, respond)
            for method, path, purpose, respond in routes
        ]

    def error(self, code: int, message: str | None = None) -> HttpResponse:
        """An error of the web server itself, in plain text."""
        usual = f"{code}: {HTTPStatus(code).phrase}"
        if code == 500:
            usual = "500 Internal Server Error\n\nServer got itself in trouble"
        return HttpResponse((message or usual).encode(), code, _TEXT)

    def key_error(self, _key: str | None) -> HttpResponse:
        """Never: no key is asked for."""
        return self.error(401)

    def schema_error(self, _error: SchemaError, _request: Request) -> HttpResponse:
        """The server does not check bodies, and stumbles over wrong ones."""
        return self.error(500)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return self.error(fault.code, fault.message)

    # The socket.

    async def _watch(self, call: ApiCall) -> HttpResponse:
        if "websocket" not in call.request.headers.get("Upgrade", "").lower():
            self._reject(400, 'No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".')
        name = call.request.query.get("clientId") or uuid.uuid4().hex
        news = self._clients[name] = _News(self._leave)
        news.say("status", {"status": self._count(), "sid": name})
        job = self._running
        if job is not None and job.extra.get("client_id") == name and self._node is not None:
            news.say("executing", {"node": self._node})
        return HttpResponse(b"", talk=news)

    def _leave(self, news: _News) -> None:
        self._clients = {name: each for name, each in self._clients.items() if each is not news}

    def _tell(self, job: _Job, kind: str, **data: Any) -> None:
        news = self._clients.get(job.extra.get("client_id", ""))
        if news is not None:
            news.say(kind, {**data, "prompt_id": job.name})

    def _note(self, job: _Job, kind: str, **data: Any) -> None:
        """Tell it, and keep it for the history."""
        data = {**data, "prompt_id": job.name, "timestamp": int(time.time() * 1000)}
        job.messages.append((kind, data))
        self._tell(job, kind, **data)

    def _tell_count(self) -> None:
        for news in self._clients.values():
            news.say("status", {"status": self._count()})

    def _count(self) -> dict[str, Any]:
        remaining = len(self._pending) + (self._running is not None)
        return {"exec_info": {"queue_remaining": remaining}}

    # What clients ask for.

    async def _submit(self, call: ApiCall) -> HttpResponse:
        body = call.request.body
        if not isinstance(body, dict):
            self._reject(500)
        if "prompt" not in body:
            error = problem("no_prompt", "No prompt provided", "No prompt provided")
            return json_response({"error": error, "node_errors": {}}, 400)
        name = body.get("prompt_id") or str(uuid.uuid4())
        graph = body["prompt"]
        if not (isinstance(graph, dict) and all(isinstance(v, dict) for v in graph.values())):
            self._reject(500)
        try:
            _check_name(name)
            targets = body.get("partial_execution_targets")
            outputs, errors = check(graph, self._nodes(), targets)
        except GraphError as wrong:
            document = {"error": wrong.error, "node_errors": wrong.node_errors}
            return json_response(document, 400)
        number = float(body["number"]) if "number" in body else next(self._numbers)
        if body.get("front") and "number" not in body:
            number = -number
        extra = {**body.get("extra_data", {}), "create_time": int(time.time() * 1000)}
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        self._pending.append(_Job(number, name, graph, extra, outputs, call.fault))
        self._tell_count()
        if self._worker is None or self._worker.done():
            self._worker = self.settings.begin(self._work())
        return json_response({"prompt_id": name, "number": number, "node_errors": errors})

    async def _show_count(self, _call: ApiCall) -> HttpResponse:
        return json_response(self._count())

    async def _show_queue(self, _call: ApiCall) -> HttpResponse:
        running = [self._running.item] if self._running else []
        pending = [job.item for job in self._pending]
        return json_response({"queue_running": running, "queue_pending": pending})

    async def _change_queue(self, call: ApiCall) -> HttpResponse:
        body = self._object(call)
        names = [job.name for job in self._pending] if body.get("clear") else body.get("delete", ())
        for name in names:
            self._withdraw(name)
        return HttpResponse(b"", headers=_TEXT)

    async def _interrupt(self, call: ApiCall) -> HttpResponse:
        body = call.request.body if isinstance(call.request.body, dict) else {}
        job = self._running
        if job is not None and body.get("prompt_id", job.name) == job.name:
            job.interrupt()
        return HttpResponse(b"", headers=_TEXT)

    async def _show_history(self, call: ApiCall) -> HttpResponse:
        name = call.match["job"]
        jobs = [job for job in self._ended.values() if name in {None, job.name}]
        wanted = int(call.request.query.get("max_items", len(jobs)))
        return json_response({job.name: job.history for job in jobs[max(0, len(jobs) - wanted) :]})

    async def _change_history(self, call: ApiCall) -> HttpResponse:
        body = self._object(call)
        for name in list(self._ended) if body.get("clear") else body.get("delete", ()):
            self._ended.pop(name, None)
        return HttpResponse(b"", headers=_TEXT)

    async def _list_jobs(self, call: ApiCall) -> HttpResponse:
        query = call.request.query
        states = [each for each in query.get("status", "").split(",") if each]
        jobs = [
            job for job in map(self._summary, self._jobs()) if job["status"] in states or not states
        ]
        jobs.sort(key=lambda job: job["create_time"], reverse=query.get("sort_order") != "asc")
        start = max(0, int(query.get("offset", 0)))
        limit = int(query["limit"]) if "limit" in query else None
        shown = jobs[start:][:limit]
        pages = {"offset": start, "limit": limit, "total": len(jobs)}
        pages["has_more"] = start + len(shown) < len(jobs)
        return json_response({"jobs": shown, "pagination": pages})

    async def _show_job(self, call: ApiCall) -> HttpResponse:
        job = next((job for job in self._jobs() if job.name == call.match["job"]), None)
        if job is None:
            return json_response({"error": "Job not found"}, 404)
        details: dict[str, Any] = {"workflow": {"prompt": job.graph, "extra_data": job.extra}}
        if job.name in self._ended:
            history = job.history
            details |= {"outputs": job.results, "execution_status": history["status"]}
        return json_response({**self._summary(job), **details})

    async def _cancel_job(self, call: ApiCall) -> HttpResponse:
        name = call.match["job"]
        if self._running is not None and self._running.name == name:
            self._running.interrupt()
            return json_response({"cancelled": True})
        return json_response({"cancelled": self._withdraw(name)})

    def _withdraw(self, name: str) -> bool:
        """Take a job that waits out of the queue."""
        kept = [job for job in self._pending if job.name != name]
        is_there = len(kept) < len(self._pending)
        self._pending = kept
        if is_there:
            self._tell_count()
        return is_there

    def _jobs(self) -> list[_Job]:
        running = [self._running] if self._running else []
        return [*self._ended.values(), *running, *self._pending]

    def _summary(self, job: _Job) -> dict[str, Any]:
        status = "in_progress" if job is self._running else "pending"
        if job.name in self._ended:
            status = _STATES[job.ending]
        files = [
            {**file, "nodeId": name, "mediaType": kind}
            for name, results in job.results.items()
            for kind, listed in results.items()
            if kind != "animated"
            for file in listed
        ]
        facts = {
            "id": job.name,
            "status": status,
            "priority": job.number,
            "create_time": job.extra["create_time"],
            "outputs_count": len(files),
            "preview_output": next(iter(files), None),
            "execution_error": dict(job.messages).get("execution_error"),
        }
        return {name: fact for name, fact in facts.items() if fact is not None}

    # Files.

    async def _upload(self, call: ApiCall) -> HttpResponse:
        parts = call.request.body if isinstance(call.request.body, list) else []
        form = {part.name: part for part in parts}
        texts = {part.name: part.text for part in parts if part.name != "image"}
        image, kind = form.get("image"), texts.get("type", "input")
        if image is None or not image.filename or kind not in _FOLDERS:
            self._reject(400, "")
        subfolder = texts.get("subfolder", "")
        if ".." in f"{subfolder}/{image.filename}" or subfolder.startswith("/"):
            self._reject(400, "")
        name = _FileName(kind, subfolder, image.filename)
        if texts.get("overwrite") not in {"true", "1"}:
            name = next(
                each
                for each in _alternatives(name)
                if self._files.get(each, image.data) == image.data
            )
        self._files[name] = image.data
        facts = name.facts
        return json_response({"name": facts.pop("filename"), **facts})

    async def _view(self, call: ApiCall) -> HttpResponse:
        query = call.request.query
        if (
            not query.get("filename")
            or query["filename"].startswith("/")
            or ".." in query["filename"]
        ):
            self._reject(404 if "filename" not in query else 400, "")
        if "preview" in query or query.get("channel") == "a":
            self._reject(501, "The simulator shows files as they are.")
        place = (query.get("type", "output"), query.get("subfolder", ""), query["filename"])
        data = self._files.get(_FileName(*place))
        if data is None:
            self._reject(404, "")
        mime_type = mimetypes.guess_type(query["filename"])[0] or "application/octet-stream"
        disposition = f'filename="{query["filename"]}"'
        headers = {"Content-Type": mime_type, "Content-Disposition": disposition}
        return HttpResponse(data, headers=headers)

    async def _free(self, _call: ApiCall) -> HttpResponse:
        return HttpResponse(b"", headers=_TEXT)

    # What there is.

    async def _describe(self, call: ApiCall) -> HttpResponse:
        kind, nodes = call.match["kind"], self._nodes()
        return json_response(
            nodes if kind is None else {k: v for k, v in nodes.items() if k == kind}
        )

    async def _list_models(self, call: ApiCall) -> HttpResponse:
        folders = {
            "checkpoints": ("CheckpointLoaderSimple", "ckpt_name"),
            "loras": ("LoraLoader", "lora_name"),
        }
        if call.match["folder"] not in folders:
            self._reject(404, "")
        kind, name = folders[call.match["folder"]]
        return json_response(self._nodes()[kind]["input"]["required"][name][0])

    async def _show_page(self, call: ApiCall) -> HttpResponse:
        return json_response(_DATA[call.match["page"]])

    def _nodes(self) -> dict[str, Any]:
        """What `/object_info` says, with the files and models that are there."""
        nodes = json.loads(json.dumps(_DATA["object_info"]))
        files = [_spelled(name) for name in self._files]
        nodes["LoadImage"]["input"]["required"]["image"][0] = [
            each for pair in files for each in pair
        ]
        nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] += self.settings.models
        return nodes  # type: ignore[no-any-return]

    # Work.

    async def _work(self) -> None:
        """Run what is in the queue, one job at a time."""
        while self._pending:
            job = min(self._pending, key=lambda each: each.number)
            self._pending.remove(job)
            self._running = job
            self._tell_count()
            job.task = self.settings.begin(self._execute(job))
            try:
                await job.task
            except asyncio.CancelledError:
                if job.ending != "interrupted":
                    raise
                self._note(job, "execution_interrupted", **self._place(job), executed=[])
            self._ended[job.name] = job
            self._running = self._node = None
            self._tell_count()
            self._tell(job, "executing", node=None)

    async def _execute(self, job: _Job) -> None:
        self._note(job, "execution_start")
        self._note(job, "execution_cached", nodes=[])
        made: dict[str, Sequence[Any]] = {}
        try:
            for name in order(job.graph, job.outputs):
                self._node = name
                self._tell(job, "executing", node=name, display_node=name)
                made[name] = await self._make(job, name, inputs_of(job.graph[name], made))
        except _ExecutionError as error:
            job.ending = "error"
            facts = {**_DATA["error"], "exception_message": f"{error}\n"}
            self._note(job, "execution_error", **self._place(job), executed=list(made), **facts)
        else:
            job.ending = "success"
            self._note(job, "execution_success")

    def _place(self, job: _Job) -> dict[str, Any]:
        """The node that runs."""
        name = self._node or next(iter(job.graph))
        return {"node_id": name, "node_type": job.graph[name]["class_type"]}

    async def _make(self, job: _Job, name: str, values: dict[str, Any]) -> Sequence[Any]:
        kind = job.graph[name]["class_type"]
        self._tell_progress(job, name, 0, 1)
        if kind == "LoadImage":
            values["image"] = self._files[_named(values["image"])]
            try:
                picture = await self.settings.pictures.look(values["image"])
            except NotAPictureError as error:
                raise _ExecutionError("cannot identify image file") from error
            values |= {"width": picture.width, "height": picture.height}
        made = evaluate(kind, values)
        if kind == "KSampler":
            await self._sample(job, name, made[0], self.settings.pace.count(int(values["steps"])))
        elif _DATA["object_info"][kind]["output_node"]:
            job.results[name] = output = await self._save(job, kind, values)
            self._tell(job, "executed", node=name, display_node=name, output=output)
        self._tell_progress(job, name, 1, 1)
        return made

    async def _sample(self, job: _Job, name: str, drawing: Drawing, steps: int) -> None:
        for step in range(1, steps + 1):
            await self.settings.pace.take(step)
            if isinstance(job.fault, StreamError) and step > steps // 2:
                raise _ExecutionError(job.fault.message)
            self._tell(job, "progress", value=step, max=steps, node=name)
            self._tell_progress(job, name, step, steps)
            news = self._clients.get(job.extra.get("client_id", ""))
            if news is not None:
                news.show(
                    await self._preview(drawing, step), _node_facts(name) | {"prompt_id": job.name}
                )

    def _tell_progress(self, job: _Job, name: str, value: int, most: int) -> None:
        state = "finished" if value == most else "running"
        facts = {"value": value, "max": most, "state": state, "prompt_id": job.name}
        self._tell(job, "progress_state", nodes={name: facts | _node_facts(name)})

    async def _preview(self, drawing: Drawing, step: int) -> bytes:
        scale = min(1.0, _PREVIEW_SIDE / max(drawing.width, drawing.height))
        size = (max(1, round(drawing.width * scale)), max(1, round(drawing.height * scale)))
        picture = PictureOrder(drawing.text, *size, step, format="JPEG", exact=True)
        return (await self.settings.pictures.make(picture)).data

    async def _save(self, job: _Job, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Write the files of an output node; what stands under its outputs comes back."""
        prefix = values.get("filename_prefix", "ComfyUI_temp")
        drawing: Drawing = values["video" if kind == "SaveVideo" else "images"]
        folder = "temp" if kind == "PreviewImage" else "output"
        ending = "_.mp4" if kind == "SaveVideo" else "_.png"
        files = []
        for number in range(drawing.count):
            data = await self._picture(job, drawing, number)
            if kind == "SaveVideo":
                data = await self._film(drawing, data)
            name = self._next_name(folder, prefix, ending)
            self._files[name] = data
            files.append(name.facts)
        return {"images": files, **({"animated": [True]} if kind == "SaveVideo" else {})}

    def _next_name(self, folder: str, prefix: str, ending: str) -> _FileName:
        subfolder, _, stem = prefix.rpartition("/")
        self._counters[folder, subfolder, stem] += 1
        return _FileName(
            folder, subfolder, f"{stem}_{self._counters[folder, subfolder, stem]:05}{ending}"
        )

    async def _picture(self, job: _Job, drawing: Drawing, number: int) -> bytes:
        if drawing.loaded is not None:
            return drawing.loaded
        seed = (drawing.seed or 0) + number
        size = (drawing.width, drawing.height)
        picture = PictureOrder(drawing.text, *size, seed, drawing.references, "PNG", exact=True)
        data = (await self.settings.pictures.make(picture)).data
        if isinstance(job.fault, BadPicture):
            data = base64.b64decode(broken_base64(base64.b64encode(data).decode(), job.fault.kind))
        return data

    async def _film(self, drawing: Drawing, picture: bytes) -> bytes:
        seconds = drawing.frames / drawing.fps
        film = FilmOrder(drawing.text or "film", picture, drawing.width, drawing.height, seconds)
        if self.settings.film is not None:
            return self.settings.film
        return await asyncio.to_thread(shoot, film)

    def _object(self, call: ApiCall) -> dict[str, Any]:
        if not isinstance(call.request.body, dict):
            self._reject(500)
        return call.request.body

    def _reject(self, code: int, message: str | None = None) -> NoReturn:
        raise RejectedError(
            self.error(code) if message is None else HttpResponse(message.encode(), code, _TEXT)
        )


def _check_name(name: Any) -> None:
    try:
        is_canonical = str(uuid.UUID(name)) == name
    except (AttributeError, TypeError, ValueError):
        is_canonical = False
    if not is_canonical:
        hint = "omit it to let the server generate one"
        details = f"prompt_id must be a UUID string in canonical lowercase hyphenated form; {hint}"
        raise GraphError(problem("invalid_prompt_id", "prompt_id must be a valid UUID", details))


def _node_facts(name: str) -> dict[str, Any]:
    facts = dict.fromkeys(("node_id", "display_node_id", "real_node_id"), name)
    return {**facts, "parent_node_id": None}


def _spelled(name: _FileName) -> tuple[str, ...]:
    """How an input may name a file."""
    path = f"{name.subfolder}/{name.filename}" if name.subfolder else name.filename
    annotated = f"{path} [{name.kind}]"
    return (path, annotated) if name.kind == "input" else (annotated,)


def _named(text: str) -> _FileName:
    annotated = _ANNOTATION.fullmatch(text)
    path, kind = annotated.groups() if annotated else (text, "input")
    subfolder, _, filename = path.rpartition("/")
    return _FileName(kind, subfolder, filename)


def _alternatives(name: _FileName) -> Iterator[_FileName]:
    """*name*, then as it is called when that is taken."""
    yield name
    path = Path(name.filename)
    for number in count(1):
        yield name._replace(filename=f"{path.stem} ({number}){path.suffix}")
