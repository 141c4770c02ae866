"""Pictures by Black Forest Labs: submitted, polled at the address that the answer names."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from mediatoolkit.errors import PromptError, ProviderError, RateLimitError, RefusalError
from mediatoolkit.media import Image, Provenance
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers import hosted_models as hosted
from mediatoolkit.providers.base import ImageClient, now, pictures_of
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.documents import at, share_at, text_at, without_none
from mediatoolkit.providers.http import HttpClient, facts_of, protocol_error, sentence
from mediatoolkit.providers.jobs import PollAgain, QueuedClient, answer_of
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding, Working
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.transport import ErrorResponse, Response

_SIDES = {"512": 512, "1K": 1024, "2K": 1920}
_SIZE = rules.Size(tuple(_SIDES), smallest=(64, 64), largest=(4096, 4096), step=16)
_MOST_PIXELS = 4 << 20


def _check_area(prompt: ImagePrompt) -> None:
    width, height = prompt.pixels or (0, 0)
    if width * height > _MOST_PIXELS:
        raise PromptError(
            f"Black Forest Labs draws up to 4 megapixels, not {width}×{height}; give smaller sides."
        )


def _takes(most: int, tolerance: int, **more: rules.Rule) -> Capabilities:
    """What a model takes that draws any size, with so many pictures to start from."""
    return Capabilities(
        size=_SIZE,
        aspect=rules.OneOf(rules.COMMON_ASPECTS),
        seed=rules.Number(0, 2**32 - 1, whole=True),
        references=rules.Pictures(most=most, largest=20_000_000) if most else None,
        previous=rules.Taken() if most else None,
        options=_options(tolerance, **more),
        together=(_check_area,),
    )


def _options(tolerance: int, **more: rules.Rule) -> Mapping[str, rules.Rule]:
    return {
        "safety_tolerance": rules.Number(0, tolerance, whole=True),
        "output_format": rules.OneOf(("jpeg", "png")),
        **more,
    }


_FLUX_2 = _takes(8, 5)
_FLEX = _takes(8, 5, steps=rules.Number(1, 50, whole=True), guidance=rules.Number(1.5, 10))
_OLDER = _takes(0, 6, prompt_upsampling=rules.Flag())
_SHAPED = Capabilities(
    aspect=rules.OneOf(rules.COMMON_ASPECTS, others=True),
    seed=rules.Number(0, 2**32 - 1, whole=True),
    options=_options(6, prompt_upsampling=rules.Flag(), raw=rules.Flag()),
    advice={"size": 'it takes the shape alone, as in aspect="16:9".'},
)
_KONTEXT = Capabilities(
    aspect=_SHAPED.aspect,
    seed=_SHAPED.seed,
    references=rules.Pictures(most=8, largest=20_000_000),
    previous=rules.Taken(),
    options=_options(6, prompt_upsampling=rules.Flag()),
    advice=_SHAPED.advice,
)
_JOB = re.compile(
    r"(?!.*\.\.)(?P<url>(?:https?://[a-z0-9.:-]+/)?[\w./-]{1,200}\?[\w.=&%-]{1,300})"
    r"(?:#cost=(?P<cost>\d{1,6}(?:\.\d{1,6})?))?",
    re.ASCII,
)
_MODERATED = frozenset({"Request Moderated", "Content Moderated"})
_FAILED = frozenset({"Error", "Failed"})
_UNKNOWN = "Task not found"


class BFLImageClient(HttpClient[ImagePrompt, Image], QueuedClient[ImagePrompt, Image], ImageClient):
    """Draws pictures with the FLUX models of Black Forest Labs.

    Args:
        api_key: Left out, `BFL_API_KEY` is read.
        base_url: Left out, BFL's global address; `"https://api.eu.bfl.ai"` stays in Europe.
        model: BFL's name; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that pictures may be fetched from even when they are
            private; the key goes to none of them.

    A prompt's `options` may be: `safety_tolerance` (0, strict, to 5; 6 with older models),
    `output_format` (`"jpeg"`, `"png"`), with `flux-2-flex` also `steps` (1 to 50) and `guidance`
    (1.5 to 10), with older models `prompt_upsampling` and, for `flux-pro-1.1-ultra`, `raw`.

    BFL cannot be asked to stop: a picture whose call is stopped is finished and billed, and stays
    among the pending ones.
    """

    provider = "bfl"
    label = "Black Forest Labs"
    key_names = ("BFL_API_KEY",)
    default_base_url = "https://api.bfl.ai"
    key_hosts = frozenset({".bfl.ai"})
    auth_header = "x-key"
    auth_prefix = ""
    default_timeout = Timeout(total=300)
    polling = Polling(first=0.5, cap=2.0)
    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("bfl/flux-2-pro", _FLUX_2),
        ModelInfo("bfl/flux-2-max", _FLUX_2),
        ModelInfo("bfl/flux-2-flex", _FLEX),
        ModelInfo("bfl/flux-2-klein-9b", _FLUX_2),
        ModelInfo("bfl/flux-2-klein-4b", _FLUX_2),
        ModelInfo("bfl/flux-pro-1.1", _OLDER),
        ModelInfo("bfl/flux-pro-1.1-ultra", _SHAPED),
        ModelInfo("bfl/flux-kontext-pro", _KONTEXT),
        ModelInfo("bfl/flux-kontext-max", _KONTEXT),
    )
    unlisted = _FLUX_2

    def facts(self, prompt: ImagePrompt) -> Facts:
        """As for each client, with the size in pixels where the model takes pixels."""
        pixels = self._pixels(prompt)
        size = {"size": "{}x{}".format(*pixels)} if pixels else {}
        return {**super().facts(prompt), **size}

    def to_wire(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body that starts the work."""
        pixels = self._pixels(prompt)
        width, height = pixels or (None, None)
        names = ["input_image", *(f"input_image_{number}" for number in range(2, 9))]
        pictures = (picture.data for picture in pictures_of(prompt))
        return without_none(
            {
                "prompt": prompt.text,
                "width": width,
                "height": height,
                "aspect_ratio": None if pixels else prompt.aspect,
                "seed": prompt.seed,
                **prompt.options,
                **dict(zip(names, pictures, strict=False)),
            }
        )

    async def submit(self, prompt: ImagePrompt, context: CallContext) -> str:
        """Start the work; returns where it is polled, with its price in cents if BFL tells it."""
        response = await self._transport.post(f"/v1/{self.model}", self.to_wire(prompt), context)
        url = text_at(response.document, "polling_url")
        self.transport_at(url)
        cost = at(response.document, "cost")
        is_told = isinstance(cost, (int, float)) and not isinstance(cost, bool) and 0 <= cost < 1e6
        job_id = url.removeprefix(f"{self._transport.base_url}/")
        job_id += f"#cost={cost:.6f}".rstrip("0").rstrip(".") if is_told else ""
        if not _JOB.fullmatch(job_id):
            raise protocol_error(
                "Black Forest Labs started the work without a usable address", response
            )
        return job_id

    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> Image | None:
        """The finished picture, or None while BFL works."""
        job = _parts_of(job_id)
        transport, path, query = self.transport_at(job["url"])
        response = await answer_of(transport.get(path, context, query=query), context)
        document = response.document
        status = response.safe_text(at(document, "status"), 40)
        if status == "Pending":
            context.report(Working(self.provider, "", share_at(document, "progress")))
            return None
        if status in _MODERATED | _FAILED:
            context.job_id = None  # BFL says so of this picture itself
            raise _no_picture(status, response)
        if status != "Ready":
            raise _again(status, response)
        data = await self.fetch_media(at(document, "result", "sample"), context)
        context.report(Decoding())
        seed = at(document, "result", "seed")
        finished = replace(
            provenance,
            request_id=query.get("id"),
            seed=seed if isinstance(seed, int) else provenance.seed,
            usage={"cost_usd": round(float(job["cost"]) / 100, 8)} if job["cost"] else {},
            created=now(),
        )
        return await self.load_media(data, provenance=finished)

    async def cancel(self, _job_id: str, _context: CallContext) -> bool:
        """BFL has no way to stop."""
        return False

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error in one of BFL's two envelopes."""
        document = response.document
        words, _ = hosted.problem_of(response)
        told = next(filter(None, (text_at(document, name) for name in ("message", "error"))), "")
        error = self.error_of(response, words or response.safe_text(told))
        seconds = at(document, "retry_after")
        if isinstance(error, RateLimitError) and isinstance(seconds, (int, float)) and seconds > 0:
            error.retry_after = float(seconds)
        return error

    def _pixels(self, prompt: ImagePrompt) -> tuple[int, int] | None:
        takes = self.capabilities
        return _SIZE.pixels_of(prompt, _SIDES) if takes and takes.size else None


def _parts_of(job_id: str) -> Mapping[str, str | None]:
    match = _JOB.fullmatch(job_id)
    if not match:
        raise PromptError(f"{job_id[:100]!r} is no id of a job of Black Forest Labs.")
    return match.groupdict()


def _no_picture(status: str, response: Response) -> ProviderError:
    details = at(response.document, "details")
    reasons = at(details, "Moderation Reasons")
    words = ", ".join(map(str, reasons)) if isinstance(reasons, list) else text_at(details, "error")
    told = sentence(response.safe_text(words or details) or "no further word")
    facts = facts_of(response) | {"status": None}
    if status in _MODERATED:
        return RefusalError(
            f"Black Forest Labs refused it ({status}): {told} Say it differently.",
            reason=status,
            **facts,
        )
    return ProviderError(
        f"Black Forest Labs made no picture: {told}",
        family="operation",
        may_have_been_billed=True,
        **facts,
    )


def _again(status: str, response: Response) -> PollAgain:
    """What to make of another word; of a task that stays unknown, nothing comes any more."""
    if status and status != _UNKNOWN:
        return PollAgain(f"Black Forest Labs says that the picture is {status!r}.")
    problem = f"Black Forest Labs does not know the picture ({status or 'no state'})"
    return PollAgain(f"{problem}.", protocol_error(problem, response))
