"""Pictures, speech and film by fal: each is submitted to the queue, polled for and fetched."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from mediatoolkit.media import Audio, Image, Media, Video
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.prompts import ImagePrompt, Prompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers import hosted_models as hosted
from mediatoolkit.providers.base import ImageClient, SpeechClient, VideoClient
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.documents import without_none
from mediatoolkit.providers.fal_queue import FalQueueClient
from mediatoolkit.runtime.context import Timeout

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = rules.Size(tuple(_SIDES), smallest=(64, 64), largest=(4096, 4096))
_ANY_SIZE = rules.Size(("512", "1K", "2K", "4K"), smallest=(1, 1), largest=rules.ANY_PIXELS)
_HEADERS: Mapping[str, rules.Rule] = {
    "queue_priority": rules.OneOf(("normal", "low")),
    "start_timeout": rules.Number(2, 86_400, unit="seconds"),
    "runner_hint": rules.Text(),
    "no_retry": rules.Flag(),
    "keep_seconds": rules.Number(1, 10**9, whole=True, unit="seconds"),
}

_FLUX = Capabilities(
    size=_SIZE,
    aspect=rules.OneOf(rules.COMMON_ASPECTS),
    seed=hosted.SEED,
    options={**hosted.OPTIONS, **_HEADERS},
    together=(hosted.check_single_result,),
)
_PICTURE = Capabilities(
    size=_ANY_SIZE,
    aspect=rules.Taken(),
    seed=hosted.SEED,
    references=hosted.PICTURES,
    previous=rules.Taken(),
    options={**hosted.PICTURE_OPTIONS, **_HEADERS},
    together=(hosted.check_single_result, hosted.single_picture_check("image_urls[]")),
)
_SPEECH = hosted.speech_rules(_HEADERS)
_FILM = hosted.film_rules(_HEADERS, "image_urls[]")


class FalService(FalQueueClient[P, M]):
    """What all fal clients share; `FalImageClient` says what they take."""

    provider = "fal"
    label = "fal"
    key_names = ("FAL_KEY",)
    default_base_url = "https://queue.fal.run"
    key_hosts = frozenset({"queue.fal.run", "queue.falrun.com"})
    auth_prefix = "Key "
    default_timeout = Timeout(total=600)

    def headers_for(self, prompt: P) -> dict[str, str]:
        """What the queue is told of a request."""
        options = prompt.options
        keep, start = options.get("keep_seconds"), options.get("start_timeout")
        lifetime = keep and f'{{"expiration_duration_seconds":{keep}}}'
        return without_none(
            {
                "X-Fal-Queue-Priority": options.get("queue_priority"),
                "X-Fal-Request-Timeout": start and f"{start:g}",
                "X-Fal-Runner-Hint": options.get("runner_hint"),
                "X-Fal-No-Retry": "1" if options.get("no_retry") else None,
                "X-Fal-Object-Lifecycle-Preference": lifetime,
            }
        )


class FalImageClient(FalService[ImagePrompt, Image], ImageClient):
    """Draws pictures with models of fal.

    Args:
        api_key: Left out, `FAL_KEY` is read; it looks like `id:secret`.
        base_url: Left out, fal's queue.
        model: fal's name of it, such as `"fal-ai/flux/schnell"`.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that media may be fetched from even when they are
            private; the key goes to none of them.

    The FLUX models take `size=` in pixels or as a tier, to which `aspect=` gives the shape. Others
    get pixels as `image_size`, a tier as `resolution` and the shape as `aspect_ratio`.
    Pictures to start from go along as data URIs, in `image_url` and `image_urls`.

    A prompt's `options` may be: `arguments` (the model's own, by name; they count most),
    `text_field` (which argument takes the text), `image_field` (which takes the pictures, with
    `[]` behind it for a list), `queue_priority` (`"normal"`, `"low"`), `start_timeout` (seconds in
    which the work must begin), `runner_hint`, `no_retry` (the queue tries once), `keep_seconds`
    (how long fal keeps the files).
    """

    result_field = "image"
    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("fal/fal-ai/flux/schnell", _FLUX),
        ModelInfo("fal/fal-ai/flux/dev", _FLUX),
    )
    unlisted = _PICTURE

    def facts(self, prompt: ImagePrompt) -> Facts:
        """As for each client, with the size in pixels where the model takes pixels."""
        pixels = self._pixels(prompt)
        size = {"size": "{}x{}".format(*pixels)} if pixels else {}
        return {**super().facts(prompt), **size, **hosted.facts_in(prompt)}

    def to_wire(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The arguments of the model."""
        pixels = self._pixels(prompt)
        shape: dict[str, Any] = {"image_size": _size(pixels)}
        if not pixels:
            shape = {"resolution": prompt.tier, "aspect_ratio": prompt.aspect}
        return hosted.arguments_for(
            prompt, {**shape, "seed": prompt.seed, **hosted.data_urls(prompt)}
        )

    def _pixels(self, prompt: ImagePrompt) -> tuple[int, int] | None:
        is_flux = self.capabilities is _FLUX
        return _SIZE.pixels_of(prompt, _SIDES) if is_flux else prompt.pixels


class FalSpeechClient(FalService[SpeechPrompt, Audio], SpeechClient):
    """Speaks with models of fal.

    Arguments and `options` as for `FalImageClient`; a model is to be named.

    The text goes along as `text`, unless `text_field="prompt"` or another name is given.
    """

    result_field = "audio"
    unlisted = _SPEECH

    def to_wire(self, prompt: SpeechPrompt) -> dict[str, Any]:
        """The arguments of the model."""
        return hosted.arguments_for(prompt, {"voice": prompt.voice}, text_field="text")


class FalVideoClient(FalService[VideoPrompt, Video], VideoClient):
    """Films with models of fal.

    Arguments and `options` as for `FalImageClient`; a model is to be named.

    The first picture goes along as a data URI in `image_url`, references in `image_urls`, the
    length as `duration`: whole seconds as a whole number, unless `arguments` says it otherwise.
    """

    result_field = "video"
    unlisted = _FILM
    default_timeout = Timeout(total=1200)

    def to_wire(self, prompt: VideoPrompt) -> dict[str, Any]:
        """The arguments of the model."""
        usual = {**hosted.film_arguments(prompt), **hosted.data_urls(prompt)}
        return hosted.arguments_for(prompt, usual)


def _size(pixels: tuple[int, int] | None) -> dict[str, int] | None:
    return pixels and {"width": pixels[0], "height": pixels[1]}
