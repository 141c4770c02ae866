"""Black Forest Labs: pictures that are begun, polled for, and fetched within ten minutes.

A request that the content policy refuses (`faults.PromptBlocked`) is taken all the same, and says
`Request Moderated` when it is polled; `faults.EndsAs("Content Moderated")` is a picture that it
refuses. Nothing moderated is billed here; no document says so. The address of a picture is signed
and ends after ten minutes, or at once by `faults.Expired`. Not played, and answered with 501:
webhooks, and pictures to edit that lie at an address.
"""

import base64
import hashlib
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NoReturn

from mediatoolkit.simulator.api_faults import (
    ApiFault,
    BadPicture,
    EndsAs,
    Expired,
    PictureAs,
    PromptBlocked,
    Status,
)
from mediatoolkit.simulator.fastapi import problem
from mediatoolkit.simulator.hosting import HostedFile
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.meter import BilledRequest, Tariff
from mediatoolkit.simulator.openai_shaped import pixels
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import Schema, SchemaError, data_beside
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor

_DATA = data_beside(__file__)
_SCHEMA = Schema(_DATA["$defs"])
_MEGAPIXEL = 1 << 20
_LARGEST = 4 * _MEGAPIXEL  # pixels
_ACTIVE = 24  # tasks at once
_LIFETIME = 600  # seconds of an address
_CENT = 100
_PENDING = "Pending"


@dataclass(eq=False)
class _Task:
    """A picture that is drawn, or was."""

    order: PictureOrder
    fault: ApiFault | None
    record: BilledRequest
    polls: int = 0
    status: str = _PENDING
    result: dict[str, Any] | None = None
    details: dict[str, Any] | None = None


class BFL(Vendor):
    """The vendor."""

    name: ClassVar[str] = "bfl"

    def make_endpoints(self) -> Sequence[Endpoint]:
        """A start for each model, and one poll for all."""
        self._tariff = Tariff(self.name, _DATA["prices"], self.settings.day)
        self._tasks: dict[str, _Task] = {}
        return (
            Endpoint("GET", "/v1/get_result", "poll", self._poll),
            Endpoint("POST", "/v1/(?P<model>[^/]+)", "start", self._start),
        )

    def admit(self, request: Request) -> None:
        """As for each vendor; the key counts in its own header alone."""
        if "x-key" not in request.headers:
            raise RejectedError(self.key_error(None))
        super().admit(request)

    def error(self, code: int, message: str | None = None, **facts: Any) -> HttpResponse:
        """An error in the vendor's envelope."""
        word, usual = _DATA["errors"].get(
            str(code), _DATA["errors"]["400" if code < 500 else "500"]
        )
        return json_response(
            {"error": word, "message": message or usual, "details": None, **facts}, code
        )

    def key_error(self, key: str | None) -> HttpResponse:
        """403 as FastAPI says it where the key is missing, 401 where it is wrong."""
        if key is None:
            return json_response({"detail": "Not authenticated"}, 403)
        return json_response({"detail": "Invalid API key"}, 401)

    def schema_error(self, error: SchemaError, request: Request) -> HttpResponse:
        """422 as FastAPI says it."""
        return json_response({"detail": [problem(error, request.body)]}, 422)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders; how long to wait stands in the body, too."""
        seconds = fault.retry_after or (fault.retry_delay or "").removesuffix("s")
        facts = {"retry_after": math.ceil(float(seconds))} if seconds else {}
        return self.error(fault.code, fault.message, **facts)

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """As for each vendor; how long to wait stands in head and body."""
        message = f"Too many requests: {per_minute} per minute."
        return Status(429, message=message, retry_after=str(math.ceil(seconds)))

    async def _start(self, call: ApiCall) -> HttpResponse:
        model = call.match["model"]
        if (model not in _DATA["models"] or model in self.settings.ended) and (
            model not in self.settings.models
        ):
            self._reject(404, "Not Found")
        facts = _DATA["models"].get(model, {"schema": "flux-2-flex", "megapixels": 1})
        fields = _SCHEMA.read(call.request.body, facts["schema"])
        if "webhook_url" in fields:
            self._reject(501, "The simulator calls no webhook.")
        active = sum(task.status == _PENDING for task in self._tasks.values())
        if active >= _ACTIVE:
            response = self.error(429, retry_after=1)
            raise RejectedError(replace(response, headers={**response.headers, "Retry-After": "1"}))
        order = await self._order(fields, facts["megapixels"])
        megapixels = order.width * order.height / _MEGAPIXEL
        further = max(0, math.ceil(megapixels) - 1)
        units = {"image": 1, "further_megapixel": further, "input_image": len(order.references)}
        record = self._tariff.bill(model, call.request.path, units)
        name = str(uuid.uuid4())
        self._tasks[name] = _Task(order, call.fault, record)
        call.meter.begin(name, record)
        document = {
            "id": name,
            "polling_url": f"{self.origin()}/v1/get_result?id={name}",
            "cost": float(record.usd * _CENT),
            "input_mp": float(len(order.references)),
            "output_mp": round(megapixels, 2),
        }
        return json_response(document)

    async def _order(self, fields: Mapping[str, Any], megapixels: int) -> PictureOrder:
        """What is to be drawn."""
        names = ["input_image", *(f"input_image_{number}" for number in range(2, 9))]
        references = [await self._decoded(name, fields[name]) for name in names if name in fields]
        width, height = pixels(fields.get("aspect_ratio", "1:1"), megapixels * _MEGAPIXEL)
        width, height = fields.get("width", width), fields.get("height", height)
        for name, value in (("width", width), ("height", height)):
            if value % 16:
                self._refuse(name, value, f"{name} must be a multiple of 16")
        if fields.keys() & {"width", "height"} and width * height > _LARGEST:
            self._refuse("width", width, "width x height must not be more than 4 MP")
        seed = fields.get("seed", self.settings.draw(range(2**31)))
        form = fields.get("output_format", "jpeg").upper()
        return PictureOrder(
            fields["prompt"], width, height, seed, tuple(references), form, exact=True
        )

    async def _decoded(self, name: str, text: str) -> bytes:
        if text.startswith(("http://", "https://")):
            self._reject(501, "The simulator fetches no picture to edit.")
        try:
            data = base64.b64decode(text, validate=True)
            await self.settings.pictures.look(data)
        except (ValueError, NotAPictureError):
            self._refuse(name, text[:20], "Invalid base64 image")
        return data

    async def _poll(self, call: ApiCall) -> HttpResponse:
        name = call.request.query.get("id", "")
        task = self._tasks.get(name)
        if task is None:
            return json_response({"id": name, "status": "Task not found", "result": None})
        task.polls += 1
        if task.status == _PENDING:
            await self._advance(name, task, call.fault)
        share = min(1.0, task.polls / (self.settings.looks + 1))
        facts = {"result": task.result, "progress": share, "details": task.details}
        return json_response({"id": name, "status": task.status, **facts})

    async def _advance(self, name: str, task: _Task, fault: ApiFault | None) -> None:
        """Bring *task* to its end, if it is time."""
        is_decided = isinstance(fault, EndsAs)
        is_due = is_decided or task.polls > self.settings.looks
        match fault if is_decided else task.fault:
            case PromptBlocked(reason, message):
                self._end(name, task, "Request Moderated", message or reason)
            case EndsAs(status, message=message) if is_due:
                if status != _PENDING:
                    self._end(name, task, status, message)
            case _ if is_due:
                await self._finish(name, task, fault)

    def _end(self, name: str, task: _Task, status: str, message: str | None) -> None:
        """End *task* without a picture."""
        task.status = status
        if status.endswith("Moderated"):
            task.details = {"Moderation Reasons": [message or "Safety Filter"]}
        elif message is not None:
            task.details = {"error": message}
        self.settings.meter.drop(name)

    async def _finish(self, name: str, task: _Task, fault: ApiFault | None) -> None:
        order, faults = task.order, (fault, task.fault)
        for each in faults:
            if isinstance(each, PictureAs):
                order = replace(order, format=each.format.upper())
        spoilt = next((each for each in faults if isinstance(each, BadPicture)), None)
        data = base64.b64decode(await self.settings.pictures.base64(order, spoilt))
        lifetime = 0 if any(isinstance(each, Expired) for each in faults) else _LIFETIME
        file = HostedFile(data, f"image/{order.format.lower()}", ends=time.monotonic() + lifetime)
        path = self.settings.file_host.host(file)
        signature = hashlib.sha256(name.encode()).hexdigest()
        url = f"{self.files_origin()}{path}?se={int(time.time()) + lifetime}&sig={signature}"
        task.result = {"sample": url, "prompt": order.text, "seed": order.seed}
        task.status = "Ready"
        self.settings.meter.finish(name)

    def _refuse(self, name: str, value: Any, message: str) -> NoReturn:
        """Refuse one field as FastAPI does."""
        entry = {"type": "value_error", "loc": ["body", name], "msg": f"Value error, {message}"}
        raise RejectedError(json_response({"detail": [{**entry, "input": value}]}, 422))

    def _reject(self, code: int, message: str) -> NoReturn:
        raise RejectedError(self.error(code, message))
