"""Pictures by AUTOMATIC1111's web UI and its forks, such as Forge, on a machine of one's own."""

import asyncio
import base64
import json
import re
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import cached_property, partial
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from mediatoolkit.checks import quoted
from mediatoolkit.errors import (
    AuthenticationError,
    MediaToolkitError,
    ModelNotFoundError,
    PromptError,
    ProviderError,
)
from mediatoolkit.media import Image
from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers.base import ImageClient, pictures_of
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.documents import (
    at,
    number_at,
    objects_at,
    share_at,
    text_at,
    without_none,
)
from mediatoolkit.providers.http import HttpClient, facts_of, sentence
from mediatoolkit.providers.jobs import CANCEL_WITHIN, patiently
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding, Withdrawn, Working
from mediatoolkit.runtime.gather import Polling, turn
from mediatoolkit.runtime.in_flight import InFlight, over_sessions
from mediatoolkit.transport import Dialect, ErrorResponse, Json, Response, Secret, Transport
from mediatoolkit.transport.secret import HiddenText

_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = rules.Size(tuple(_SIDES), smallest=(64, 64), largest=(4096, 4096), step=8)
_LOADED = "loaded"
_TASKS: defaultdict[str, list[str]] = defaultdict(list)  # by address
_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = (
    WeakKeyDictionary()
)
_POLL_WITHIN = 10.0  # seconds


def _check_pictures(prompt: ImagePrompt) -> None:
    if len(pictures_of(prompt)) > 1:
        raise PromptError(
            "AUTOMATIC1111 starts from one picture; give either references= or previous=."
        )
    if "mask_blur" in prompt.options and prompt.mask is None:
        raise PromptError("mask_blur= needs mask=, and a picture in references=.")


_TAKES = Capabilities(
    size=_SIZE,
    aspect=rules.OneOf(rules.COMMON_ASPECTS),
    seed=rules.Number(0, LARGEST_SEED, whole=True),
    references=rules.Pictures(most=1, largest=50_000_000),
    mask=rules.Taken(),
    previous=rules.Taken(),
    options={
        "negative_prompt": rules.Text(),
        "sampler_name": rules.Text(),
        "scheduler": rules.Text(),
        "steps": rules.Number(1, 1000, whole=True),
        "cfg_scale": rules.Number(0, 100),
        "denoising_strength": rules.Number(0, 1),
        "mask_blur": rules.Number(0, 512, whole=True),
        "restore_faces": rules.Flag(),
        "tiling": rules.Flag(),
        "enable_hr": rules.Flag(),
        "hr_scale": rules.Number(1, 8),
        "hr_upscaler": rules.Text(),
        "override_settings_restore_afterwards": rules.Flag(),
    },
    together=(_check_pictures,),
    streams=True,
)


class LoginSecret(Secret):
    """A user's name and password, `user:password`, which HTTP sends as base64 (RFC 7617)."""

    __slots__ = ()

    def header(self, prefix: str = "") -> HiddenText:
        """With a prefix, the header's value; without one, the login as it was given."""
        login = super().header()
        return HiddenText(prefix + base64.b64encode(login.encode()).decode()) if prefix else login


class Automatic1111ImageClient(HttpClient[ImagePrompt, Image], ImageClient):
    """Draws pictures with the web UI of AUTOMATIC1111, or a fork of it, started with `--api`.

    Args:
        api_key: `user:password`, if it was started with `--api-auth`; left out,
            `AUTOMATIC1111_API_KEY` is read.
        base_url: Left out, `AUTOMATIC1111_BASE_URL`, then `http://127.0.0.1:7860`.
        model: A checkpoint by the name that the server has for it, which is loaded when it is not
            in use; left out, the one that is loaded.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that pictures may be fetched from even when they are
            private; the key goes to none of them.

    `references=` or `previous=` is one picture to start from, whose change `denoising_strength`
    (0 to 1) limits, where `mask=` is white if there is one. Further `options` are
    `negative_prompt`, `sampler_name`, `scheduler`, `steps`, `cfg_scale`, `mask_blur`,
    `restore_faces`, `tiling`, `enable_hr`, `hr_scale`, `hr_upscaler`, and
    `override_settings_restore_afterwards` (False leaves the checkpoint in use).

    The server draws one picture at a time, and gets the next prompt of this process when it has
    drawn; a call's time does not run while it waits for its turn. The server is told to stop when
    nobody waits for the picture any more.
    """

    provider = "automatic1111"
    label = "AUTOMATIC1111"
    is_own_server = True
    model_names = re.compile(r"[^\x00-\x20/\x7f][^\x00-\x1f\x7f]{0,200}")
    key_names = ("AUTOMATIC1111_API_KEY",)
    default_base_url = "http://127.0.0.1:7860"
    base_url_names = ("AUTOMATIC1111_BASE_URL",)
    auth_prefix = "Basic "
    default_timeout = Timeout(total=600)
    # A 500 tells that the work itself failed, as for lack of memory; another try would, too.
    dialect = Dialect(retryable=frozenset({408, 429, 502, 503, 504}))
    catalog: ClassVar[tuple[ModelInfo, ...]] = (ModelInfo(f"automatic1111/{_LOADED}", _TAKES),)
    unlisted = _TAKES
    polling = Polling(first=0.5, cap=2.0)

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Send *prompt* and read the picture; what the server tells meanwhile is reported."""
        task = uuid.uuid4().hex
        await self._check_model(context)
        path, body = _to_wire(prompt, self.model, task)
        # What was sent is drawn, also when nobody waits for it any more.
        async with turn(self._turns, self._waiting, context), self._watched(task, context):
            response = await self._transport.post(path, Json(body), context)
        context.report(Decoding())
        data, seed, notes = await asyncio.to_thread(_from_wire, response)
        provenance = await self.provenance(prompt, seed=seed, request_id=task, notes=notes)
        return await self.load_media(data, provenance=provenance)

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The envelope is `{"error", "detail", "body", "errors"}`, or FastAPI's `{"detail"}`."""
        document, facts = response.document, facts_of(response)
        detail = at(document, "detail")
        details = [detail, at(document, "errors"), at(document, "error")]
        details += [text_at(each, "msg") for each in objects_at(document, "detail")]
        words = next(filter(None, map(response.safe_text, details)), "")
        if response.status == 401:
            return AuthenticationError(
                f"{self.label} does not accept the login: set {self.key_names[0]} to "
                "user:password, as it stands behind --api-auth, or pass api_key=.",
                **facts,
            )
        if response.status == 404 and detail in (None, "Not Found"):
            return ProviderError(
                f"There is no API of {self.label} at this address; start it with --api, and check "
                "base_url=.",
                family="request",
                **facts,
            )
        if not words or response.status in (403, 429):
            return super().read_error(response)
        error = ProviderError(
            f"{self.label} drew nothing ({response.status}): {sentence(words)}",
            family="request" if response.status < 500 else "server",
            **facts,
        )
        error.words = words
        return error

    @classmethod
    def _key(cls, api_key: str | None) -> Secret | None:
        secret = super()._key(api_key)
        return secret and LoginSecret(secret.header(), secret.name)

    async def _check_model(self, context: CallContext) -> None:
        """Ask once whether the server has the checkpoint: it would silently draw with another.

        Raises:
            ModelNotFoundError: It has not; names those that it has.
        """
        if self.model in self._checked_models:
            return
        response = await self._transport.get("/sdapi/v1/sd-models", context)
        listed = objects_at(response.document)
        titles = [response.safe_text(text_at(each, "title"), 80) for each in listed]
        names = {text_at(each, "model_name") for each in listed}
        names |= {name for title in titles for name in (title, title.rpartition(" [")[0])}
        if listed and self.model not in names:
            raise ModelNotFoundError(
                f"{self.label} has no checkpoint {quoted(self.model)}; it has "
                f"{', '.join(titles)[:400]}.",
                provider=self.provider,
            )
        self._checked_models.add(self.model)

    @cached_property
    def _checked_models(self) -> set[str]:
        """Models that the server is known to have."""
        return {_LOADED}

    @property
    def _tasks(self) -> list[str]:
        """What the server has to do for this process, in order."""
        return _TASKS[self._transport.base_url]

    @property
    def _turns(self) -> asyncio.Semaphore:
        """Lets one picture at a time be sent to the server."""
        turns = _TURNS.setdefault(asyncio.get_running_loop(), {})
        return turns.setdefault(self._transport.base_url, asyncio.Semaphore(1))

    @cached_property
    def _waiting(self) -> InFlight:
        """The calls that have, or wait for, their turn."""
        return InFlight(f"The {self.provider} client", among=over_sessions)

    async def close(self) -> None:
        """As for each client, what waits for its turn included."""
        await self._waiting.end()
        await super().close()

    @cached_property
    def _beside(self) -> Transport:
        """Sends what must not wait for the picture, as requests of one client may for another."""
        return self._others.setdefault("beside", self._make_transport(self._transport.base_url))

    @asynccontextmanager
    async def _watched(self, task: str, context: CallContext) -> AsyncGenerator[None]:
        """Report how *task* goes during the block, and stop it when the block is cancelled."""
        self._tasks.append(task)
        poll = partial(self._poll, task, context)
        watching: asyncio.Task[None] = asyncio.create_task(self.polling.until(poll))
        try:
            yield
        except asyncio.CancelledError:
            if self._tasks[0] == task:  # else another picture would end in its place
                is_confirmed = await patiently(self._interrupt())
                if not context.expired:
                    context.report(Withdrawn(confirmed=is_confirmed))
            raise
        finally:
            self._tasks.remove(task)
            watching.cancel()
            await patiently(asyncio.wait([watching]))

    async def _poll(self, task: str, context: CallContext) -> None:
        """Report how far the server is, if it tells; the picture itself does not depend on it."""
        if self._tasks[0] != task:
            return
        with suppress(MediaToolkitError):
            async with CallContext(_POLL_WITHIN) as aside:
                response = await self._beside.get("/sdapi/v1/progress", aside)
            document = response.document
            state, fraction = at(document, "state"), share_at(document, "progress")
            if not at(state, "job_count") or fraction is None:
                return
            words = response.safe_text(at(document, "textinfo")) or _step_of(state)
            context.report(Working(self.provider, words, fraction))
            preview = at(document, "current_image")
            if isinstance(preview, str):
                data = await asyncio.to_thread(response.media_bytes, preview)
                await self.report_partial(data, context)

    async def _interrupt(self) -> bool:
        """Stop what the server draws; returns whether it took the request."""
        with suppress(MediaToolkitError):
            async with CallContext(CANCEL_WITHIN) as aside:
                await self._beside.post(
                    "/sdapi/v1/interrupt", {}, aside, paid=False, expect="bytes"
                )
            return True
        return False


def _to_wire(prompt: ImagePrompt, model: str, task: str) -> tuple[str, dict[str, Any]]:
    """Path and body; a mask is white where the picture may change there, too."""
    pictures = pictures_of(prompt)
    width, height = _SIZE.pixels_of(prompt, _SIDES) or (
        _sides_of(pictures[0]) if pictures else (None, None)
    )
    body = {
        "prompt": prompt.text,
        "seed": prompt.seed,
        "width": width,
        "height": height,
        **prompt.options,
        "override_settings": None if model == _LOADED else {"sd_model_checkpoint": model},
        "init_images": [picture.data for picture in pictures] or None,
        "mask": prompt.mask and prompt.mask.data,
        "force_task_id": task,
        "send_images": True,
        "save_images": False,
    }
    return f"/sdapi/v1/{'img2img' if pictures else 'txt2img'}", without_none(body)


def _sides_of(picture: Image) -> tuple[int, int]:
    """The size of *picture* in steps of 8, as far as that is no huge one."""
    shrink = min(1.0, _SIDES["2K"] / max(picture.width, picture.height)) / 8
    return max(8, int(picture.width * shrink)) * 8, max(8, int(picture.height * shrink)) * 8


def _step_of(state: object) -> str:
    """Such as `step 3 of 20`; empty where the server counts none."""
    step, steps = number_at(state, "sampling_step"), number_at(state, "sampling_steps")
    return "" if step is None or steps is None else f"step {step:.0f} of {steps:.0f}"


def _from_wire(response: Response) -> tuple[bytes, int | None, dict[str, Any]]:
    """The picture, the seed that was used, and the server's description of it."""
    info: object = None
    with suppress(ValueError, RecursionError):
        info = json.loads(text_at(response.document, "info"))
    seed = at(info, "seed")
    notes = {"infotext": response.safe_text(at(info, "infotexts", 0), 2000)}
    data = response.media_bytes(at(response.document, "images", 0))
    is_seed = isinstance(seed, int) and 0 <= seed <= LARGEST_SEED
    return data, seed if is_seed else None, notes
