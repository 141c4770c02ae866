"""Pictures of vendors that speak as OpenAI does: `/images/generations`, and `/images/edits`.

How to add a vendor: a class with the names of `HttpClient`, a `catalog`, and `fields`, which makes
the body. Where edits are no form, `fields` holds the pictures too. A vendor that tells what a call
cost elsewhere than in `usage.cost` has a `cost_in` of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeVar

from mediatoolkit.errors import MediaToolkitError, PromptError, ProviderError, RefusalError
from mediatoolkit.media import Image, Media
from mediatoolkit.media.image import transparent_where_white
from mediatoolkit.prompts import ImagePrompt, Prompt
from mediatoolkit.providers import http
from mediatoolkit.providers.base import ImageClient, pictures_of
from mediatoolkit.providers.documents import (
    at,
    cost_record,
    objects_at,
    text_at,
    units_of,
    usage_record,
    without_none,
)
from mediatoolkit.providers.http import HttpClient, protocol_error
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.runtime.gather import as_async_generator
from mediatoolkit.transport import DataURL, ErrorResponse, Json, Multipart, Response, StreamEnded
from mediatoolkit.transport.encode import Body

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)


_WHOLE = {"stream": None, "partial_images": None}
"""What is not sent where no unfinished picture is wanted: one without the other is an error."""


class OpenAILike(HttpClient[P, M]):
    """What clients of all kinds of media have in common here: how an error is told."""

    quota_codes = frozenset({"insufficient_quota"})

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """As for each client; the error may be an object, a text, or FastAPI's `detail`."""
        return super().read_error(replace(response, document=envelope(response.document)))


class OpenAILikeImageClient(OpenAILike[ImagePrompt, Image], ImageClient):
    """Draws pictures with a vendor that speaks as OpenAI does.

    Attributes:
        path: Where a prompt is sent.
        edit_path: Where a prompt with pictures is sent; None where that is the same.
        edits_by_form: Such a prompt is sent as a form; else `fields` holds its pictures.
    """

    path: ClassVar[str] = "/images/generations"
    edit_path: ClassVar[str | None] = "/images/edits"
    edits_by_form: ClassVar[bool] = False
    media_fields = ("b64_json",)
    default_timeout = Timeout(total=600)

    def fields(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt*; what is None is not sent."""
        return {"model": self.model, "prompt": prompt.text, **prompt.options}

    def cost_in(self, document: object) -> object:
        """What the response says that it cost, in USD, or None."""
        return at(document, "usage", "cost")

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Send *prompt* and read the picture, after the unfinished ones if there are any."""
        path, body = self.place_of(prompt), await self._body(prompt)
        if is_streamed(prompt):
            show = partial(self._show_partial, context=context)
            response = await self._last_event(".completed", path, body, context, show)
        else:
            response = await self._transport.post(path, body, context)
        data = await self.data_in(response, context)
        context.report(Decoding())
        return await self.picture_of(data, prompt, response)

    def place_of(self, prompt: ImagePrompt) -> str:
        """Where *prompt* is sent."""
        return (pictures_of(prompt) and self.edit_path) or self.path

    async def data_in(self, response: Response, context: CallContext) -> bytes:
        """The picture that *response* holds as base64, or names an address of.

        Raises:
            ProviderError: There is none.
        """
        picture = picture_at(response.document)
        encoded = text_at(picture, "b64_json")
        data = response.media_bytes(encoded) if encoded else b""
        if data:
            return data
        if address := text_at(picture, "url"):
            return await self.bytes_at(address, response, context)
        raise self.no_picture(response)

    async def picture_of(
        self,
        data: bytes,
        prompt: ImagePrompt,
        response: Response,
        notes: Mapping[str, Any] | None = None,
    ) -> Image:
        """The picture with what *response* says of how it was made."""
        document = response.document
        revised = response.safe_text(at(picture_at(document), "revised_prompt"), 4000)
        provenance = await self.provenance(
            prompt,
            usage=self.usage_in(document),
            request_id=response.request_id or response.safe_text(at(document, "id"), 100) or None,
            notes={"revised_prompt": revised, **(notes or {})},
        )
        return await self.load_media(data, provenance=provenance)

    def usage_in(self, document: object) -> dict[str, Any]:
        """What was used up by the vendor's count: tokens, and the cost in USD where it is told."""
        return {**tokens_of(at(document, "usage"), "IMAGE"), **cost_record(self.cost_in(document))}

    def no_picture(self, response: Response) -> ProviderError:
        """The error that a success without a picture means."""
        error = protocol_error(f"{self.label} answered without a picture", response)
        if at(response.document, "error"):
            error = self.read_error(response.failed_part(response.document, response.status))
        error.may_have_been_billed = not isinstance(error, RefusalError)
        return error

    async def _body(self, prompt: ImagePrompt) -> Json | Multipart:
        stream = {"stream": True} if is_streamed(prompt) else _WHOLE
        fields = without_none({**self.fields(prompt), **stream})
        pictures = pictures_of(prompt)
        if not (pictures and self.edits_by_form):
            return Json(fields)
        mask = await mask_of(prompt)
        return http.form(fields, image=pictures, mask=[mask] if mask else [])

    async def _last_event(
        self,
        end: str,
        path: str,
        body: Body,
        context: CallContext,
        each: Callable[[Response], Awaitable[None]],
    ) -> Response:
        """Post *body*, and read the response as a stream of server-sent events.

        A vendor that does not stream sends all at once; that has no type, and is the last event.

        Args:
            end: How the type of the last event ends.
            path: Where to.
            body: What is sent.
            context: The public call, open.
            each: Is awaited with every other event, as it comes.

        Raises:
            ProviderError: The stream ended without its last event.
        """

        def post(give: Callable[[Response], None]) -> Awaitable[Response]:
            def take(event: Response) -> None:
                give(event)
                if text_at(event.document, "type").endswith(end):
                    raise StreamEnded

            return self._transport.post(path, body, context, expect="events", sink=take)

        last: Response | None = None
        try:
            async with aclosing(as_async_generator(post)) as events:
                async for event in events:
                    kind = text_at(event.document, "type")
                    if kind.endswith(end) or not (kind or last):
                        last = event
                    else:
                        await each(event)
        except MediaToolkitError:
            if last is None:  # what breaks behind the last event does no harm
                raise
        if last is None:
            raise ProviderError(
                f"{self.label} ended the stream without its last event; ask again.",
                family="protocol",
                may_have_been_billed=True,
                **http.facts_of(event),
            )
        return last

    async def _show_partial(self, event: Response, context: CallContext) -> None:
        data = text_at(event.document, "b64_json")
        if data:
            await self.report_partial(event.media_bytes(data), context)


def picture_at(document: object) -> object:
    """Where a response, or the last event of a stream, has its picture."""
    return at(document, "data", 0) or document


def is_streamed(prompt: ImagePrompt) -> bool:
    """Whether unfinished pictures are to be seen."""
    return any(prompt.options.get(name) for name in ("stream", "partial_images"))


def at_most(most: int) -> Callable[[ImagePrompt], None]:
    """A check of how many pictures a prompt starts from, `previous=` among them."""

    def check(prompt: ImagePrompt) -> None:
        count = len(pictures_of(prompt))
        if count > most:
            raise PromptError(f"This model starts from up to {most} pictures, not {count}.")

    return check


def data_urls(prompt: ImagePrompt) -> list[DataURL]:
    """The pictures that *prompt* starts from, as they stand in JSON."""
    return [data_url(picture) for picture in pictures_of(prompt)]


def data_url(picture: Image) -> DataURL:
    """*picture* as it stands in JSON."""
    return DataURL(picture.mime_type, picture.data)


async def mask_of(prompt: ImagePrompt) -> Image | None:
    """The mask as OpenAI has it: transparent where the picture may change."""
    return prompt.mask and await asyncio.to_thread(transparent_where_white, prompt.mask)


def envelope(document: object) -> object:
    """An error body in OpenAI's own shape, `{"error": {"message", "type", "code"}}`."""
    error = at(document, "error")
    if isinstance(error, dict) or not isinstance(document, dict):
        return document
    details = [_detail(each) for each in objects_at(document, "detail")]
    texts = (error, at(document, "message"), at(document, "detail"), "; ".join(details))
    message = next((text for text in texts if isinstance(text, str) and text), None)
    return {"error": {**document, "message": message}}


def _detail(detail: object) -> str:
    """What FastAPI says of one field, such as `body: size: bad`."""
    place = at(detail, "loc")
    words = (
        [*place, text_at(detail, "msg")] if isinstance(place, list) else [text_at(detail, "msg")]
    )
    return ": ".join(str(word) for word in words if word != "")


def tokens_of(usage: object, made: str) -> dict[str, Any]:
    """Tokens by kind of media; where the vendor names no kind, a request is text.

    A gateway counts a prompt and its completion, as in a chat.

    Args:
        usage: What the vendor counts.
        made: The kind of media that is made, such as `"IMAGE"`.
    """
    sides = []
    for names, alone in ((("input", "prompt"), "TEXT"), (("output", "completion"), made)):
        name = next((name for name in names if at(usage, f"{name}_tokens") is not None), names[0])
        details = at(usage, f"{name}_tokens_details")
        tokens = {
            "TEXT": at(details, "text_tokens"),
            "IMAGE": at(details, "image_tokens"),
        }
        sides.append(units_of(tokens, at(usage, f"{name}_tokens"), alone=alone))
    return usage_record(*sides, total=at(usage, "total_tokens"))
