"""A server of stable-diffusion-webui (AUTOMATIC1111, Forge): one picture, or batch, at a time.

A request is held until its picture is done; meanwhile others wait for their turn, and `progress`
tells how far it is, at the pace of `sim.pace`. An interrupt ends it with what is there by then.
Where the simulator's key is `user:password`, the server asks for it as Basic authentication; any
other key is none.

Fields that it does not know are ignored, and so is the name of a model that it does not have, as
by the server itself. `faults.StreamError` is a graphics card without memory, halfway. Nothing is
billed. Not played, and answered with 501: upscaling, PNG info, progress of single tasks.
"""

import asyncio
import base64
import io
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from mediatoolkit.simulator.api_faults import ApiFault, Status, StreamError
from mediatoolkit.simulator.fastapi import problem
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import Schema, SchemaError, data_beside
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor

_DATA = data_beside(__file__)
_SCHEMA = Schema(_DATA["$defs"])
_FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"}
_PREVIEW_SHARE = 8  # a preview has that part of the width and height
_SEEDS = 2**32


@dataclass
class _State:
    """How far the server is, as `progress` tells it."""

    skipped: bool = False
    interrupted: bool = False
    stopping_generation: bool = False
    job: str = ""
    job_count: int = 0
    job_timestamp: str = "0"
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0
    began: float = field(default_factory=time.monotonic)
    order: PictureOrder | None = None
    task: asyncio.Task[None] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What stands under `state`."""
        hidden = {"began", "order", "task"}
        return {name: value for name, value in vars(self).items() if name not in hidden}

    @property
    def share(self) -> float:
        """Of the work that is done."""
        if not self.job_count:
            return 0.0
        step = self.sampling_step / self.sampling_steps if self.sampling_steps else 0
        return min(1.0, 0.01 + (self.job_no + step) / self.job_count)

    def stop(self) -> None:
        """End the picture that is drawn now."""
        if self.task is not None:
            self.task.cancel()


class Automatic1111(Vendor):
    """The server."""

    name: ClassVar[str] = "automatic1111"
    needs_key: ClassVar[bool] = False

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Pictures, their progress, and what the server has and is set to."""
        self._lock = asyncio.Lock()
        self._state = _State()
        self._options: dict[str, Any] = dict(_DATA["options"])
        base = "/sdapi/v1"
        return (
            Endpoint("POST", f"{base}/(?P<kind>txt2img|img2img)", "start", self._generate),
            Endpoint("GET", f"{base}/progress", "poll", self._show_progress),
            Endpoint("POST", f"{base}/interrupt", "cancel", self._interrupt),
            Endpoint("POST", f"{base}/skip", "cancel", self._skip),
            Endpoint("GET", f"{base}/options", "list", self._show_options),
            Endpoint("POST", f"{base}/options", "list", self._set_options),
            Endpoint("GET", f"{base}/sd-models", "list", self._list_models),
            Endpoint(
                "GET", f"{base}/(?P<page>samplers|schedulers|upscalers|loras)", "list", self._list
            ),
        )

    def headers(self, request: Request) -> dict[str, str]:
        """How long it took."""
        return {"X-Process-Time": f"{time.monotonic() - request.arrived:.4f}"}

    def admit(self, request: Request) -> None:
        """As for each vendor, but for the key: a name and a password, or nothing."""
        super().admit(request)
        name, colon, _ = (self.settings.key or "").partition(":")
        if name and colon and request.key != _base64((self.settings.key or "").encode()):
            raise RejectedError(self.key_error(request.key))

    def error(
        self, code: int, message: str | None = None, kind: str = "HTTPException", errors: str = ""
    ) -> HttpResponse:
        """An error in the server's envelope: *kind* is the exception, *errors* what it says."""
        detail = HTTPStatus(code).phrase if message is None else message
        return json_response({"error": kind, "detail": detail, "body": "", "errors": errors}, code)

    def key_error(self, key: str | None) -> HttpResponse:
        """401, which asks for a name and a password."""
        message = "Incorrect username or password" if key else "Not authenticated"
        response = self.error(401, message)
        return replace(response, headers={**response.headers, "WWW-Authenticate": "Basic"})

    def schema_error(self, error: SchemaError, request: Request) -> HttpResponse:
        """422 that lists what does not fit."""
        return json_response({"detail": [problem(error, request.body)]}, 422)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return self.error(fault.code, fault.message)

    async def _generate(self, call: ApiCall) -> HttpResponse:
        kind = call.match["kind"]
        read = _SCHEMA.read(call.request.body, kind)
        fields = {**_DATA["usual"], **read}
        self._check(fields)
        references = [await self._decoded(text) for text in self._sources(fields, kind)]
        async with self._lock:
            try:
                return await self._draw(call, kind, fields, tuple(references))
            finally:
                self._state = replace(self._state, job="", job_count=0, order=None, task=None)

    def _check(self, fields: Mapping[str, Any]) -> None:
        """Refuse what the server does not have."""
        sampler = fields["sampler_name"] or fields.get("sampler_index") or "Euler"
        names = {name for each in _DATA["samplers"] for name in (each["name"], *each["aliases"])}
        if sampler not in names:
            self._reject(404, "Sampler not found")
        if fields["script_name"]:
            self._reject(422, f"Script '{fields['script_name']}' not found")
        for name in fields["alwayson_scripts"]:
            self._reject(422, f"always on script {name} not found")

    def _sources(self, fields: Mapping[str, Any], kind: str) -> list[str]:
        """The pictures that go in, the mask last."""
        if kind == "txt2img":
            return []
        if "init_images" not in fields:
            self._reject(404, "Init image not found")
        masks = [fields["mask"]] if "mask" in fields else []
        return [*fields["init_images"], *masks]

    async def _decoded(self, text: str) -> bytes:
        if text.startswith(("http://", "https://")):
            self._reject(500, "Requests not allowed")
        if text.startswith("data:image/"):
            text = text.partition(",")[2]
        try:
            data = base64.b64decode(text)
            await self.settings.pictures.look(data)
        except (ValueError, NotAPictureError):
            self._reject(500, "Invalid encoded image")
        return data

    async def _draw(
        self, call: ApiCall, kind: str, fields: Mapping[str, Any], references: tuple[bytes, ...]
    ) -> HttpResponse:
        count, rounds = fields["batch_size"], fields["n_iter"]
        seed = fields["seed"] if fields["seed"] >= 0 else self.settings.draw(range(_SEEDS))
        scale = fields.get("hr_scale", 2.0) if fields.get("enable_hr") else 1.0
        form = _FORMATS.get(self._options["samples_format"]) or self._reject(
            500, "Invalid image format"
        )
        # The autoencoder knows only sides that are multiples of 8.
        width, height = (round(fields[side] * scale) // 8 * 8 for side in ("width", "height"))
        order = PictureOrder(fields["prompt"], width, height, seed, references, form, exact=True)
        now = f"{datetime.now(UTC):%Y%m%d%H%M%S}"
        self._state = _State(job=f"scripts_{kind}", job_count=rounds, job_timestamp=now)
        orders: list[PictureOrder] = []
        for number in range(rounds):
            first = replace(order, seed=seed + number * count)
            await self._sample(first, fields["steps"], call.fault)
            orders += [replace(order, seed=seed + number * count + n) for n in range(count)]
            if self._state.interrupted:
                break
            self._state.job_no += 1
        images = [await self.settings.pictures.base64(each, call.fault) for each in orders]
        info = self._info(fields, orders)
        if len(images) > 1 and self._options["return_grid"]:
            images.insert(0, await asyncio.to_thread(_grid, images, form))
            texts = info["infotexts"]
            info |= {"index_of_first_image": 1, "infotexts": [texts[0], *texts]}
        shown = images if fields["send_images"] else []
        echo = {**fields, **({} if fields.get("include_init_images") else {"init_images": None})}
        return json_response({"images": shown, "parameters": echo, "info": json.dumps(info)})

    async def _sample(self, order: PictureOrder, requested: int, fault: ApiFault | None) -> None:
        """Take the steps of one round; an interrupt, or a skip, ends it early."""
        state = self._state
        state.order, state.skipped = order, False
        state.task = self.settings.begin(self._take_steps(state, requested, fault))
        try:
            await state.task
        except asyncio.CancelledError:
            if not (state.interrupted or state.skipped):
                raise

    async def _take_steps(self, state: _State, requested: int, fault: ApiFault | None) -> None:
        state.sampling_steps = self.settings.pace.count(requested)
        state.sampling_step = 0
        for step in range(1, state.sampling_steps + 1):
            await self.settings.pace.take(step)
            if isinstance(fault, StreamError) and step > state.sampling_steps // 2:
                error = self.error(500, "", "OutOfMemoryError", fault.message)
                raise RejectedError(error)
            state.sampling_step = step

    def _info(self, fields: Mapping[str, Any], orders: Sequence[PictureOrder]) -> dict[str, Any]:
        """How the pictures were made, as the server writes it down."""
        names = ("prompt", "negative_prompt", "steps", "cfg_scale", "batch_size", "styles")
        model = self._model((fields["override_settings"] or {}).get("sd_model_checkpoint"))
        sampler = fields["sampler_name"] or fields.get("sampler_index") or "Euler"
        width, height = orders[0].width, orders[0].height
        texts = [
            f"{order.text}\nNegative prompt: {fields['negative_prompt']}\n"
            f"Steps: {fields['steps']}, Sampler: {sampler}, CFG scale: {fields['cfg_scale']}, "
            f"Seed: {order.seed}, Size: {width}x{height}, Model: {model['model_name']}"
            for order in orders
        ]
        return {
            **{name: fields[name] for name in names},
            "all_prompts": [fields["prompt"]] * len(orders),
            "seed": orders[0].seed,
            "all_seeds": [order.seed for order in orders],
            "width": width,
            "height": height,
            "sampler_name": sampler,
            "sd_model_name": model["model_name"],
            "sd_model_hash": model["hash"],
            "job_timestamp": self._state.job_timestamp,
            "index_of_first_image": 0,
            "infotexts": texts,
        }

    async def _show_progress(self, call: ApiCall) -> HttpResponse:
        state, preview = self._state, None
        wants_image = call.request.query.get("skip_current_image", "false").lower() != "true"
        every = self._options["show_progress_every_n_steps"]
        if state.order is not None and state.sampling_step >= every > 0 and wants_image:
            preview = _base64(await self._preview(state.order, state.sampling_step))
        seconds = time.monotonic() - state.began
        document = {
            "progress": state.share,
            "eta_relative": seconds / state.share - seconds if state.share else 0.0,
            "state": state.facts,
            "current_image": preview,
            "textinfo": None,
        }
        return json_response(document)

    async def _preview(self, order: PictureOrder, step: int) -> bytes:
        width, height = order.width // _PREVIEW_SHARE, order.height // _PREVIEW_SHARE
        small = replace(order, width=width, height=height, seed=step, format="PNG")
        return (await self.settings.pictures.make(small)).data

    async def _interrupt(self, _call: ApiCall) -> HttpResponse:
        self._state.interrupted = True
        self._state.stop()
        return json_response({})

    async def _skip(self, _call: ApiCall) -> HttpResponse:
        self._state.skipped = True
        self._state.stop()
        return json_response(None)

    async def _show_options(self, _call: ApiCall) -> HttpResponse:
        return json_response(self._options)

    async def _set_options(self, call: ApiCall) -> HttpResponse:
        options: Any = call.request.body
        if not isinstance(options, dict):
            raise SchemaError("type", "", options, {"type": "object"})
        name = options.get("sd_model_checkpoint")
        if name is not None and not any(name in _aliases(model) for model in self._models()):
            error = f"model {name!r} not found"
            raise RejectedError(self.error(500, "", "RuntimeError", error))
        self._options |= options
        return json_response(None)

    async def _list_models(self, _call: ApiCall) -> HttpResponse:
        return json_response(self._models())

    async def _list(self, call: ApiCall) -> HttpResponse:
        return json_response(_DATA[call.match["page"]])

    def _models(self) -> list[dict[str, Any]]:
        empty = dict.fromkeys(("hash", "sha256", "config"))
        more = [
            {"title": name, "model_name": name, "filename": name, **empty}
            for name in self.settings.models
        ]
        return [*_DATA["sd-models"], *more]

    def _model(self, name: str | None) -> dict[str, Any]:
        """The model that is used where *name* is asked for."""
        for wanted in (name, self._options["sd_model_checkpoint"]):
            for model in self._models():
                if wanted in _aliases(model):
                    return model
        return self._models()[0]

    def _reject(self, code: int, message: str) -> NoReturn:
        raise RejectedError(self.error(code, message))


def _aliases(model: Mapping[str, Any]) -> set[str | None]:
    """What a model may be called."""
    names = (model["title"], model["model_name"], model["hash"], Path(model["filename"]).name)
    return set(names) - {None}


def _grid(images: Sequence[str], form: str) -> str:
    """The pictures side by side, in about as many rows as columns."""
    from PIL import Image

    pictures = [Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB") for text in images]
    columns = math.ceil(len(pictures) / math.isqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    width, height = pictures[0].size
    sheet = Image.new("RGB", (columns * width, rows * height))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % columns * width, number // columns * height))
    file = io.BytesIO()
    sheet.save(file, form)
    return _base64(file.getvalue())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
