"""What clients of vendors on the web have in common: the key, the address, unknown JSON."""

import logging
import os
import re
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import (
    AuthenticationError,
    MediaToolkitError,
    ModelNotFoundError,
    PromptError,
    ProviderError,
    RateLimitError,
    RefusalError,
)
from mediatoolkit.media import Image, Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client, ClientRecipe
from mediatoolkit.runtime.context import CallContext, Timeout, timeout_of
from mediatoolkit.runtime.gather import as_async_generator
from mediatoolkit.transport import (
    Dialect,
    ErrorResponse,
    FilePart,
    Limits,
    Multipart,
    Response,
    Retry,
    Secret,
    Transport,
    error_by_status,
)
from mediatoolkit.transport.encode import Body
from mediatoolkit.transport.guard import checked_base
from mediatoolkit.transport.secret import HiddenText, SealedKey

if TYPE_CHECKING:
    import aiohttp

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_log = logging.getLogger("mediatoolkit")


class HttpClient(Client[P, M]):
    """A client whose vendor is asked over HTTP, with a key.

    Args:
        api_key: The key; left out, the environment variables of `key_names` are read.
        base_url: Left out, the variables of `base_url_names`, then the vendor's own address.
        model: The vendor's name of the model; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.

    Attributes:
        label: The vendor's name in messages.
        key_names: Environment variables that may hold the key, the first one first.
        default_base_url: The vendor's own address.
        base_url_names: Environment variables that may hold another address.
        auth_header: Header field that carries the key.
        auth_prefix: Text before the key.
        refusal_codes: The vendor's words for a refusal by the content policy.
        quota_codes: The vendor's words for a quota that no waiting brings back.
        dialect: What the vendor's headers and statuses mean.
        media_fields: Names of the JSON fields that hold base64.
        default_timeout: Durations of a call when nobody says otherwise.

    Raises:
        AuthenticationError: There is no key, or it cannot be one.
        PromptError: The model's name cannot be one.
        UnsafeURLError: *base_url* is not an http(s) address.
    """

    label: ClassVar[str]
    key_names: ClassVar[tuple[str, ...]]
    default_base_url: ClassVar[str]
    base_url_names: ClassVar[tuple[str, ...]] = ()
    auth_header: ClassVar[str] = "authorization"
    auth_prefix: ClassVar[str] = "Bearer "
    refusal_codes: ClassVar[frozenset[str]] = frozenset()
    quota_codes: ClassVar[frozenset[str]] = frozenset()
    dialect: ClassVar[Dialect | None] = None
    media_fields: ClassVar[tuple[str, ...]] = ("data",)
    default_timeout: ClassVar[Timeout] = Timeout()
    books_requests: ClassVar[bool] = True
    _trusted_origins: tuple[str, ...] = ()

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        model: str | None = None,
        session: "aiohttp.ClientSession | None" = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Check everything; nothing is opened or sent."""
        if isinstance(api_key, str):
            api_key = HiddenText(api_key)  # what is raised below shows its locals
        self.model = self._checked_model(self.catalog[0].model_id if model is None else model)
        self.timeout = timeout_of(timeout, self.default_timeout)
        self._secret = self._key(api_key)
        self._has_own_session = session is not None
        self._transport = Transport(
            self._base_url() if base_url is None else base_url,
            provider=self.provider,
            secret=self._secret,
            auth_header=self.auth_header,
            auth_prefix=self.auth_prefix,
            media_fields=self.media_fields,
            session=session,
            timeout=self.timeout,
            retry=retry,
            limits=limits,
            read_error=self.read_error,
            dialect=self.dialect,
            trusted_origins=self._trusted_origins,
        )
        info = self._info()
        if info:
            info.warn_of_end()

    @property
    def base_url(self) -> str | None:
        """Where it sends to, or None for the vendor's own address."""
        base = self._transport.base_url
        return None if base == checked_base(self.default_base_url) else base

    def recipe(self) -> ClientRecipe:
        """From which another process makes an equal client.

        A key that was passed as `api_key=` goes along; one of the environment does not, since the
        worker has an environment of its own.

        Raises:
            PromptError: The client has a session of the user's.
        """
        if self._has_own_session:
            raise PromptError(
                "This client has a session= of yours, which stays in its process; for workers, "
                "make the client without one."
            )
        sent = None if self._secret == self.credentials() else SealedKey(self._secret)
        options = {
            "model": self.model,
            "base_url": self.base_url,
            "timeout": self.timeout,
            "retry": self._transport.retry,
            "limits": self._transport.limits,
        }
        return ClientRecipe(type(self), options, sent)

    async def ready(self) -> None:
        """As for each client."""
        await self._transport.ready()

    def pause(self, seconds: float) -> None:
        """As for each client."""
        self._transport.pause(seconds)

    def on_pause(self, hook: Callable[[float], object]) -> Callable[[], None]:
        """As for each client."""
        return self._transport.on_pause(hook)

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error that an error response means; a vendor with another envelope reads it here.

        The envelope is `{"error": {"message", "type", "code"}}`, as most vendors have it.
        """
        error = at(response.document, "error")
        text = sentence(response.safe_text(at(error, "message")))
        codes = [response.safe_text(at(error, name), 60) for name in ("code", "type")]
        facts = facts_of(response)
        refused = next((code for code in codes if code in self.refusal_codes), None)
        if refused:
            return RefusalError(
                f"{self.label} refused the prompt ({refused}): {text} Say it differently.",
                reason=refused,
                **facts,
            )
        if self.quota_codes.intersection(codes):
            return RateLimitError(
                f"{self.label} has no quota left for this key: {text} Add credit, or work "
                'locally: model="local".',
                quota_exhausted=True,
                **facts,
            )
        if response.status == 401:
            return AuthenticationError(
                f"{self.label} does not accept the key: {text or 'no reason given.'} "
                f"Set {self.key_names[0]} to a valid key, or pass api_key=.",
                **facts,
            )
        if response.status == 404 and text:
            return ModelNotFoundError(
                f"{self.label} does not serve this model: {text} Live ones: {self.live_models()}.",
                **facts,
            )
        message = f"{self.label} answered {response.status}: {text}" if text else None
        return error_by_status(response, message)

    async def last_event(
        self,
        end: str,
        path: str,
        body: Body,
        context: CallContext,
        each: Callable[[Response], Awaitable[None]],
    ) -> Response:
        """Post *body*, and read the response as a stream of server-sent events.

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
            return self._transport.post(path, body, context, expect="events", sink=give)

        last: Response | None = None
        try:
            async with aclosing(as_async_generator(post)) as events:
                async for event in events:
                    if text_at(event.document, "type").endswith(end):
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
                **facts_of(event),
            )
        return last

    @classmethod
    def has_key(cls) -> bool:
        """Whether one of `key_names` is set."""
        return any(map(os.environ.get, cls.key_names))

    @classmethod
    def credentials(cls) -> Secret | None:
        """The key in the environment, or None."""
        for name in cls.key_names:
            if os.environ.get(name):
                return Secret(os.environ[name], name)
        return None

    @classmethod
    def environment(cls) -> Hashable:
        """The keys and addresses in the environment, unread."""
        return tuple(
            HiddenText(os.environ.get(name, "")) for name in (*cls.key_names, *cls.base_url_names)
        )

    @classmethod
    def missing(cls, _model: str, /) -> str:
        """Which key is to be set, unless there is one."""
        return "" if cls.has_key() else f"Needs a key: set {' or '.join(cls.key_names)}."

    @classmethod
    def live_models(cls) -> str:
        """The models to name when another is not served."""
        names = (info.model_id.partition("/")[2] for info in cls.catalog if not info.ended)
        return ", ".join(names)

    async def close(self) -> None:
        """Refuse later use, fail what is in flight."""
        await self._transport.close()

    @classmethod
    def _key(cls, api_key: str | None) -> Secret:
        if api_key is not None:
            return Secret(api_key, "api_key")
        names = [name for name in cls.key_names if os.environ.get(name)]
        if len(names) > 1:
            _log.warning("Both %s are set; %s is used.", " and ".join(names), names[0])
        secret = cls.credentials()
        if secret is None:
            places = " or ".join([", ".join(("api_key=", *cls.key_names[:-1])), cls.key_names[-1]])
            raise AuthenticationError(
                f"There is no key for {cls.label}: not in {places}. "
                'Set one, or do without a key: model="local".',
                provider=cls.provider,
            )
        return secret

    @classmethod
    def _base_url(cls) -> str:
        name = next((name for name in cls.base_url_names if os.environ.get(name)), None)
        return checked_base(os.environ[name], name) if name else cls.default_base_url

    @classmethod
    def _checked_model(cls, model: object) -> str:
        if isinstance(model, str):
            name = model.removeprefix("models/").removeprefix(f"{cls.provider}/")
            if _MODEL.fullmatch(name):
                return name
        raise PromptError(f"model={quoted(model)} is no name of a model.")


def at(document: object, *path: str | int) -> Any:
    """The value at *path* in JSON of unknown shape, or None where there is none.

    Args:
        document: Anything that JSON can say.
        path: Names in objects and places in lists, from the outside in.
    """
    for step in path:
        if isinstance(step, str):
            document = document.get(step) if isinstance(document, dict) else None
        else:
            items = document if isinstance(document, list) else []
            document = items[step] if step < len(items) else None
    return document


def objects_at(document: object, *path: str | int) -> list[dict[str, Any]]:
    """The objects in the list at *path*; what else stands in it is left out."""
    values = at(document, *path)
    return (
        [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    )


def text_at(document: object, *path: str | int) -> str:
    """The text at *path*, or none."""
    value = at(document, *path)
    return value if isinstance(value, str) else ""


def facts_of(response: Response | ErrorResponse) -> dict[str, Any]:
    """What every error says of the response that it comes from."""
    return {
        "provider": response.provider,
        "status": response.status,
        "request_id": response.request_id,
    }


def sentence(text: str) -> str:
    """*text* with a full stop, where the vendor left it out."""
    return text if not text or text[-1] in ".!?…" else f"{text}."


def text_weight(text: str) -> int:
    """Bytes of *text* as JSON, at most; a letter beyond ASCII may take two escapes of six."""
    return len(text) * (1 if text.isascii() else 12)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """*values* without those that are None, which the vendor is not told of."""
    return {name: value for name, value in values.items() if value is not None}


def form(fields: Mapping[str, object], **files: Sequence[Image]) -> Multipart:
    """A form of *fields*, whose flags are `true` or `false`, with pictures.

    Args:
        fields: Names and values.
        files: Pictures by the name of their field; several of one name get `[]` behind it.
    """
    texts = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in fields.items()
    }
    parts = [
        FilePart(
            f"{name}[]" if len(pictures) > 1 else name,
            f"{name}{picture.extension}",
            picture.mime_type,
            picture.data,
        )
        for name, pictures in files.items()
        for picture in pictures
    ]
    return Multipart(texts, parts)


def usage_record(
    incoming: Mapping[str, int], outgoing: Mapping[str, int], **totals: object
) -> dict[str, Any]:
    """What was used up, as a provenance has it: units by kind of media, in and out, and totals."""
    sides = {"input": dict(incoming), "output": dict(outgoing)}
    return {
        **{side: units for side, units in sides.items() if units},
        **{name: total for name, total in totals.items() if isinstance(total, int)},
    }


def units_of(counts: Mapping[str, object], total: object, *, alone: str = "TEXT") -> dict[str, int]:
    """Units, such as tokens, by kind of media; what is billed and has no kind is text.

    Args:
        counts: The vendor's count for each kind.
        total: The sum that is billed; the counts often leave out the text.
        alone: What all units are when the vendor counts no kind at all.
    """
    units = {kind: count for kind, count in counts.items() if isinstance(count, int) and count}
    rest = total - sum(units.values()) if isinstance(total, int) else 0
    if rest > 0:
        kind = "TEXT" if units else alone
        units[kind] = units.get(kind, 0) + rest
    return units
