"""ComfyUI's queue: a filled workflow goes in, and what it has saved comes out."""

import abc
import asyncio
import json
import re
import secrets
import uuid
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from mediatoolkit.errors import (
    ModelNotFoundError,
    PromptError,
    ProviderError,
)
from mediatoolkit.media import Image, Media, Provenance
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import now
from mediatoolkit.providers.comfyui.history import failure, file_of, is_failed, seed_of
from mediatoolkit.providers.comfyui.job_socket import JobSocket
from mediatoolkit.providers.comfyui.workflow import (
    TEXT_TO_IMAGE,
    InputsLike,
    Workflow,
    WorkflowLike,
)
from mediatoolkit.providers.documents import at, objects_at, text_at
from mediatoolkit.providers.http import HttpClient, facts_of, sentence
from mediatoolkit.providers.jobs import PollAgain, QueuedClient, answer_of
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.transport import (
    ErrorResponse,
    FilePart,
    Multipart,
)

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

DEFAULT_MODEL = "default"
"""Stands for the first checkpoint that the server has."""

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_THERE = frozenset({404, 405, 501})
_RECONNECT = Polling(first=2.0, cap=10.0)


class ComfyUIClient(HttpClient[P, M], QueuedClient[P, M]):
    """What pictures and films have in common: a job is a prompt id, which names its socket, too."""

    provider = "comfyui"
    label = "ComfyUI"
    is_own_server = True
    model_names = re.compile(r"[^\x00-\x20/\x7f][^\x00-\x1f\x7f]{0,200}")
    key_names = ()
    default_base_url = "http://127.0.0.1:8188"
    base_url_names = ("COMFYUI_BASE_URL",)
    polling = Polling(first=1.0, cap=2.0)
    suffixes: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        api_key: str | None = None,
        *,
        workflow: WorkflowLike | None = None,
        inputs: InputsLike | None = None,
        model: str | None = None,
        **options: Any,
    ) -> None:
        """Read the workflow and check everything; nothing is opened or sent."""
        if workflow is None and inputs is not None:
            raise PromptError("inputs= names places in a workflow: give workflow=, too.")
        self._inputs = inputs
        self._own = None if workflow is None else Workflow.of(workflow, inputs, model)
        self._workflow = self._own or TEXT_TO_IMAGE
        super().__init__(api_key, model=self._own.name if self._own else model, **options)
        self._sockets: dict[str, JobSocket] = {}

    @classmethod
    def _misplaced(cls, api_key: str) -> str:
        if api_key.endswith(".json"):
            return "api_key= is the name of a file; give a workflow as workflow=."
        return super()._misplaced(api_key)

    def recipe(self) -> Any:
        """As for each client; the workflow goes along."""
        recipe = super().recipe()
        if self._own is None:
            return recipe
        own = {"workflow": dict(self._own.graph), "inputs": self._inputs}
        return replace(recipe, options={**recipe.options, **own})

    async def submit(self, prompt: P, context: CallContext) -> str:
        """Upload what the prompt starts from, and put the filled workflow into the queue."""
        values = {"prompt": prompt.text, **prompt.options, **self._values_of(prompt)}
        if "seed" in self._workflow.places:
            seed = getattr(prompt, "seed", None)
            values["seed"] = secrets.randbelow(1 << 32) if seed is None else seed
        values = {name: await self._uploaded(value, context) for name, value in values.items()}
        graph = self._workflow.with_values(values)
        if self._own is None:
            graph["4"]["inputs"]["ckpt_name"] = await self._checkpoint(context)
        wanted = str(uuid.uuid4())
        body = {"prompt": graph, "client_id": wanted, "prompt_id": wanted}
        response = await self._transport.post("/prompt", body, context)
        job_id = text_at(response.document, "prompt_id")
        if not _ID.fullmatch(job_id):
            raise ProviderError(
                f"{self.label} took the workflow and named no usable job; check base_url=.",
                family="protocol",
                may_have_been_billed=True,
                **facts_of(response),
            )
        return job_id

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> M | None:
        """The finished media, or None while the job waits or runs."""
        path = f"/history/{_checked(job_id)}"
        response = await answer_of(self._transport.get(path, context), context)
        entry = at(response.document, job_id)
        is_over = is_failed(entry) or at(entry, "status", "completed") is not False
        if entry is None or not is_over:
            await self._wait_for_news(job_id, context)
            return None
        error = failure(entry, response, self._workflow)
        if error is not None:
            context.job_id = None
            raise error
        file = file_of(entry, self.suffixes)
        if file is None:
            context.job_id = None
            raise ProviderError(
                f"{self.label} ended the workflow without a file of {'/'.join(self.suffixes)}; it "
                "needs a node that saves one.",
                family="operation",
                **facts_of(response),
            )
        data = await self.fetch_media(f"view?{urlencode(file)}", context)
        context.report(Decoding())
        seed = seed_of(entry, self._workflow)
        finished = replace(
            provenance,
            request_id=job_id,
            seed=provenance.seed if seed is None else seed,
            created=now(),
        )
        return await self.load_media(data, provenance=finished)

    async def cancel(self, job_id: str, context: CallContext) -> bool:
        """Take the job out of the queue, or interrupt it."""
        send = partial(self._transport.post, context=context, paid=False)
        try:
            response = await send(f"/api/jobs/{_checked(job_id)}/cancel", {})
            return at(response.document, "cancelled") is True
        except ProviderError as error:
            if error.status not in _NOT_THERE:
                raise
        # Older servers interrupt whatever runs, so that must be this job.
        queue = (await self._transport.get("/queue", context)).document
        if job_id in json.dumps(at(queue, "queue_running")):
            await send("/interrupt", {"prompt_id": job_id}, expect="bytes")
        elif job_id in json.dumps(at(queue, "queue_pending")):
            await send("/queue", {"delete": [job_id]}, expect="bytes")
        else:
            return False  # it has ended
        return True

    async def wait(
        self, job_id: str, provenance: Provenance, context: CallContext, **options: Any
    ) -> M:
        """As for each queue, and listen to the job's socket meanwhile."""
        mask = str if self._secret is None else self._secret.mask
        socket = self._sockets[job_id] = JobSocket(job_id, context, self._workflow, mask)
        query = {"clientId": job_id}
        connect = partial(self._transport.messages, "/ws", context, query=query)
        listen = partial(socket.listen, connect)
        listening: asyncio.Task[None] = asyncio.create_task(_RECONNECT.until(listen))
        try:
            return await super().wait(job_id, provenance, context, **options)
        finally:
            del self._sockets[job_id]
            listening.cancel()
            await asyncio.wait([listening])

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The envelope is `{"error": {"type", "message", "details"}, "node_errors"}`, or a text."""
        document, facts = response.document, facts_of(response)
        words = response.safe_text(" ".join(_problems(document, self._workflow)))
        if response.status == 400 and "ckpt_name" in words:
            return ModelNotFoundError(
                f"{self.label} has no such checkpoint: {sentence(words)}", **facts
            )
        if not words or response.status in (401, 403, 429):  # something before ComfyUI
            return super().read_error(response)
        error = ProviderError(
            f"{self.label} did not take it ({response.status}): {sentence(words)}",
            family="request" if response.status < 500 else "server",
            **facts,
        )
        error.words = words
        return error

    @abc.abstractmethod
    def _values_of(self, prompt: P) -> dict[str, Any]:
        """What goes into the workflow beside words, options and the seed."""

    async def _uploaded(self, value: Any, context: CallContext) -> Any:
        """The server's names of pictures, uploaded; any other value as it is."""
        if isinstance(value, list):
            return [await self._uploaded(each, context) for each in value]
        if not isinstance(value, Image):
            return value
        digest = await asyncio.to_thread(value.digest)
        name = f"mediatoolkit-{digest[:32]}{value.extension}"
        form = Multipart(
            {"type": "input", "overwrite": "true"},
            [FilePart("image", name, value.mime_type, value.data)],
        )
        response = await self._transport.post("/upload/image", form, context, paid=False)
        kept = text_at(response.document, "name") or name
        return "/".join(filter(None, (text_at(response.document, "subfolder"), kept)))

    async def _checkpoint(self, context: CallContext) -> str:
        """The checkpoint to draw with; where none was chosen, the first that the server has."""
        if self.model != DEFAULT_MODEL:
            return self.model
        response = await self._transport.get("/models/checkpoints", context)
        names = response.document if isinstance(response.document, list) else []
        first = next((name for name in names if isinstance(name, str)), None)
        if first is None:
            raise ModelNotFoundError(
                f"{self.label} names no checkpoint of its own; give one, "
                'model="comfyui/<file name>", or a workflow: ComfyUIImageClient(workflow=…).',
                **facts_of(response),
            )
        return first

    async def _wait_for_news(self, job_id: str, context: CallContext) -> None:
        """Wait until the socket tells of the end, at most as long as two polls are apart."""
        socket = self._sockets.get(job_id)
        if socket is not None and socket.is_open:
            context.poll_after = 0.0
            if await socket.wait(self.polling.cap):
                return
        # A server that was started again opens the socket, and says nothing of the job.
        await self._check_known(job_id, context)

    async def _check_known(self, job_id: str, context: CallContext) -> None:
        """Ask whether the server still has the job, which a restart makes it forget.

        Raises:
            PollAgain: It has not.
        """
        try:
            await answer_of(self._transport.get(f"/api/jobs/{job_id}", context), context)
        except PollAgain as again:
            if "Job not found" in again.words:
                denial = ProviderError(
                    f"{self.label} knows nothing of job {job_id}, as after a restart; ask again.",
                    provider=self.provider,
                    family="operation",
                )
                raise PollAgain(again.words, denial) from again


def _checked(job_id: str) -> str:
    if not _ID.fullmatch(job_id):
        raise PromptError(f"{job_id[:60]!r} is no id of a job.")
    return job_id


def _problems(document: object, workflow: Workflow) -> list[str]:
    """What an error says, as a whole and node by node."""
    error = at(document, "error")
    problems = [error if isinstance(error, str) else text_at(error, "message")]
    problems += [text_at(error, "details")]
    nodes = at(document, "node_errors")
    for node, content in nodes.items() if isinstance(nodes, dict) else ():
        for each in objects_at(content, "errors"):
            words = ": ".join(filter(None, (text_at(each, "message"), text_at(each, "details"))))
            problems.append(f"{workflow.label_of(node)}: {words}.")
    return [problem for problem in problems if problem]
