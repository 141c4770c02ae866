"""A ComfyUI server: graphs, a queue of jobs, and a WebSocket that tells how they go.

Routes, messages and errors are those of the server's source (2026-10). A job takes the steps that
its samplers say, at the pace of `sim.pace`; `sim.drop_sockets()` takes the news of it away.

`faults.StreamError` makes a job fail halfway through its steps, with that message. A server of
one's own knows no content policy, asks for no key and bills nothing. Not played, and answered with
501: masks as files of their own, pictures of a file in other formats. The classes of nodes are
those in `comfyui.json`.
"""

import json
import mimetypes
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from mediatoolkit.simulator.api_faults import Status
from mediatoolkit.simulator.comfyui_graph import GraphError, check, problem
from mediatoolkit.simulator.comfyui_jobs import DATA, FileName, Queue, QueuedGraph
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.schema import SchemaError
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, Purpose, RejectedError, Vendor

_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_DONE = HttpResponse(b"", headers=_TEXT)
_FOLDERS = ("input", "output", "temp")
_LISTS = {
    "checkpoints": ("CheckpointLoaderSimple", "ckpt_name"),
    "loras": ("LoraLoader", "lora_name"),
}
_Respond = Callable[[ApiCall], Awaitable[HttpResponse]]


class ComfyUI(Vendor):
    """The server."""

    name: ClassVar[str] = "comfyui"
    needs_key: ClassVar[bool] = False

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Every route, with and without `/api`."""
        self._numbers = count()
        self._queue = Queue(self.settings)
        routes: tuple[tuple[str, str, Purpose, _Respond], ...] = (
            ("GET", "/ws", "socket", self._open_socket),
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
        return HttpResponse((usual if message is None else message).encode(), code, _TEXT)

    def key_error(self, _key: str | None) -> HttpResponse:
        """Never: no key is asked for."""
        return self.error(401)

    def schema_error(self, _error: SchemaError, _request: Request) -> HttpResponse:
        """Never: the server checks no body, and stumbles over a wrong one."""
        return self.error(500)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return self.error(fault.code, fault.message)

    async def _open_socket(self, call: ApiCall) -> HttpResponse:
        if "websocket" not in call.request.headers.get("Upgrade", "").lower():
            self._reject(400, 'No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".')
        name = call.request.query.get("clientId") or uuid.uuid4().hex
        return HttpResponse(b"", talk=self._queue.listen(name))

    async def _submit(self, call: ApiCall) -> HttpResponse:
        body = self._object(call)
        try:
            job, node_errors = self._read(body, call)
        except GraphError as wrong:
            return json_response({"error": wrong.error, "node_errors": wrong.node_errors}, 400)
        self._queue.put(job)
        facts = {"prompt_id": job.name, "number": job.number, "node_errors": node_errors}
        return json_response(facts)

    def _read(self, body: dict[str, Any], call: ApiCall) -> tuple[QueuedGraph, dict[str, Any]]:
        """The job that *body* asks for, and the errors of nodes that are left out."""
        if "prompt" not in body:
            raise GraphError(problem("no_prompt", "No prompt provided", "No prompt provided"))
        name, graph = body.get("prompt_id"), body["prompt"]
        name = str(uuid.uuid4()) if name is None else _checked(name)
        if not (isinstance(graph, dict) and all(isinstance(v, dict) for v in graph.values())):
            self._reject(500)
        targets = body.get("partial_execution_targets")
        outputs, node_errors = check(graph, self._nodes(), targets)
        number = next(self._numbers) * (-1 if body.get("front") else 1)
        number = body.get("number", number)
        extra = {**body.get("extra_data", {}), "create_time": int(time.time() * 1000)}
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        return QueuedGraph(number, name, graph, extra, outputs, call.fault), node_errors

    async def _show_count(self, _call: ApiCall) -> HttpResponse:
        return json_response(self._queue.count)

    async def _show_queue(self, _call: ApiCall) -> HttpResponse:
        running = [self._queue.running.item] if self._queue.running else []
        pending = [job.item for job in self._queue.pending]
        return json_response({"queue_running": running, "queue_pending": pending})

    async def _change_queue(self, call: ApiCall) -> HttpResponse:
        body = self._object(call)
        names = [job.name for job in self._queue.pending] if body.get("clear") else []
        for name in (*names, *body.get("delete", ())):
            self._queue.withdraw(name)
        return _DONE

    async def _interrupt(self, call: ApiCall) -> HttpResponse:
        body = call.request.body if isinstance(call.request.body, dict) else {}
        job = self._queue.running
        if job is not None and body.get("prompt_id") in {None, job.name}:
            job.interrupt()
        return _DONE

    async def _show_history(self, call: ApiCall) -> HttpResponse:
        name = call.match["job"]
        jobs = [job for job in self._queue.ended.values() if name in {None, job.name}]
        wanted = int(call.request.query.get("max_items", len(jobs)))
        return json_response({job.name: job.history for job in jobs[max(0, len(jobs) - wanted) :]})

    async def _change_history(self, call: ApiCall) -> HttpResponse:
        body = self._object(call)
        names = list(self._queue.ended) if body.get("clear") else body.get("delete", ())
        for name in names:
            self._queue.ended.pop(name, None)
        return _DONE

    async def _list_jobs(self, call: ApiCall) -> HttpResponse:
        query = call.request.query
        states = query.get("status", "pending,in_progress,completed,failed,cancelled").split(",")
        jobs = [job.summary for job in self._queue.jobs]
        jobs = [job for job in jobs if job["status"] in states]
        jobs.sort(key=lambda job: job["create_time"], reverse=query.get("sort_order") != "asc")
        start = max(0, int(query.get("offset", 0)))
        limit = int(query["limit"]) if "limit" in query else None
        shown = jobs[start:][:limit]
        has_more = start + len(shown) < len(jobs)
        pages = {"offset": start, "limit": limit, "total": len(jobs), "has_more": has_more}
        return json_response({"jobs": shown, "pagination": pages})

    async def _show_job(self, call: ApiCall) -> HttpResponse:
        job = next((job for job in self._queue.jobs if job.name == call.match["job"]), None)
        if job is None:
            return json_response({"error": "Job not found"}, 404)
        facts = {**job.summary, "workflow": {"prompt": job.graph, "extra_data": job.extra}}
        if job.name in self._queue.ended:
            facts |= {"outputs": job.results, "execution_status": job.history["status"]}
        return json_response(facts)

    async def _cancel_job(self, call: ApiCall) -> HttpResponse:
        name, job = call.match["job"], self._queue.running
        if job is None or job.name != name:
            return json_response({"cancelled": self._queue.withdraw(name)})
        job.interrupt()
        return json_response({"cancelled": True})

    async def _upload(self, call: ApiCall) -> HttpResponse:
        parts = call.request.body if isinstance(call.request.body, list) else []
        image = next((part for part in parts if part.name == "image"), None)
        texts = {part.name: part.text for part in parts if part.name != "image"}
        kind, subfolder = texts.get("type", "input"), texts.get("subfolder", "")
        if image is None or not image.filename or kind not in _FOLDERS:
            self._reject(400, "")
        if subfolder.startswith("/") or ".." in f"{subfolder}/{image.filename}":
            self._reject(400, "")
        name, files = FileName(kind, subfolder, image.filename), self._queue.files
        if texts.get("overwrite") not in {"true", "1"}:
            others = _alternatives(name)
            name = next(each for each in others if files.get(each, image.data) == image.data)
        files[name] = image.data
        return json_response({"name": name.filename, "subfolder": subfolder, "type": kind})

    async def _view(self, call: ApiCall) -> HttpResponse:
        query = call.request.query
        name = query.get("filename", "")
        if name.startswith("/") or ".." in name:
            self._reject(400, "")
        if "preview" in query or query.get("channel") == "a":
            self._reject(501, "The simulator shows files as they are.")
        place = FileName(query.get("type", "output"), query.get("subfolder", ""), name)
        if place not in self._queue.files:
            self._reject(404, "")
        mime_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {"Content-Type": mime_type, "Content-Disposition": f'filename="{name}"'}
        return HttpResponse(self._queue.files[place], headers=headers)

    async def _describe(self, call: ApiCall) -> HttpResponse:
        kind, nodes = call.match["kind"], self._nodes()
        return json_response({k: v for k, v in nodes.items() if kind in {None, k}})

    async def _list_models(self, call: ApiCall) -> HttpResponse:
        if call.match["folder"] not in _LISTS:
            self._reject(404, "")
        kind, name = _LISTS[call.match["folder"]]
        return json_response(self._nodes()[kind]["input"]["required"][name][0])

    async def _show_page(self, call: ApiCall) -> HttpResponse:
        return json_response(DATA[call.match["page"]])

    async def _free(self, _call: ApiCall) -> HttpResponse:
        return _DONE

    def _nodes(self) -> dict[str, Any]:
        """What `/object_info` says, with the files and models that are there."""
        nodes: dict[str, Any] = json.loads(json.dumps(DATA["object_info"]))
        spellings = [spelling for name in self._queue.files for spelling in name.spellings]
        nodes["LoadImage"]["input"]["required"]["image"][0] = spellings
        models = nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"]
        models[0] += self.settings.models
        return nodes

    def _object(self, call: ApiCall) -> dict[str, Any]:
        if not isinstance(call.request.body, dict):
            self._reject(500)
        return call.request.body

    def _reject(self, code: int, message: str | None = None) -> NoReturn:
        raise RejectedError(self.error(code, message))


def _checked(name: Any) -> str:
    """A name of a job that a client may choose."""
    try:
        is_canonical = str(uuid.UUID(name)) == name
    except (AttributeError, TypeError, ValueError):
        is_canonical = False
    if not is_canonical:
        hint = "omit it to let the server generate one"
        details = f"prompt_id must be a UUID string in canonical lowercase hyphenated form; {hint}"
        raise GraphError(problem("invalid_prompt_id", "prompt_id must be a valid UUID", details))
    return str(name)


def _alternatives(name: FileName) -> Iterator[FileName]:
    """*name*, then what a file is called whose name is taken."""
    yield name
    path = Path(name.filename)
    for number in count(1):
        yield name._replace(filename=f"{path.stem} ({number}){path.suffix}")
