"""What clients of vendors on the web have in common: the key, the address, unknown JSON."""

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, urljoin, urlsplit

from mediatoolkit.checks import quoted
from mediatoolkit.errors import (
    AuthenticationError,
    MediaToolkitError,
    ModelNotFoundError,
    PromptError,
    ProviderError,
    RateLimitError,
    RefusalError,
    UnsafeURLError,
)
from mediatoolkit.media import Image, Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers import keys
from mediatoolkit.providers.base import Client
from mediatoolkit.providers.documents import at
from mediatoolkit.providers.recipe import ClientRecipe
from mediatoolkit.runtime import files, owners
from mediatoolkit.runtime.context import CallContext, Timeout, timeout_of
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
from mediatoolkit.transport.guard import Origin, checked_base
from mediatoolkit.transport.secret import HiddenText, SealedKey

if TYPE_CHECKING:
    import aiohttp

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
NAMESPACED = re.compile(r"(?!.*(?:\.\.|//))[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,200}(?<!/)")
"""Names of models that have owners, such as `black-forest-labs/flux-schnell`."""

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
        trusted_origins: Further origins that media may be fetched from even when they are
            private; the key goes to none of them.

    Attributes:
        label: The vendor's name in messages.
        is_own_server: It is a server of the user's: it needs no key, costs nothing, and is there
            when one of `base_url_names` is set.
        model_names: What a name of a model looks like.
        key_hosts: Hosts beside the base URL's that the vendor itself answers at, with the key; one
            that begins with a dot stands for all hosts below it.
        key_names: Environment variables that may hold the key, the first one first.
        default_base_url: The vendor's own address.
        base_url_names: Environment variables that may hold another address.
        auth_header: Header field that carries the key.
        auth_prefix: Text before the key.
        refusal_codes: The vendor's words for a refusal by the content policy.
        quota_codes: The vendor's words for a quota that no waiting brings back.
        key_codes: The vendor's words for a key that is not accepted, beside the status 401.
        dialect: What the vendor's headers and statuses mean.
        media_fields: Names of the JSON fields that hold base64.
        default_timeout: Durations of a call when nobody says otherwise.

    Raises:
        AuthenticationError: There is no key, or it cannot be one.
        PromptError: The model's name cannot be one.
        UnsafeURLError: *base_url* is not an http(s) address.
    """

    label: ClassVar[str]
    is_own_server: ClassVar[bool] = False
    model_names: ClassVar[re.Pattern[str]] = _MODEL
    key_hosts: ClassVar[frozenset[str]] = frozenset()
    key_names: ClassVar[tuple[str, ...]]
    default_base_url: ClassVar[str]
    base_url_names: ClassVar[tuple[str, ...]] = ()
    auth_header: ClassVar[str] = "authorization"
    auth_prefix: ClassVar[str] = "Bearer "
    refusal_codes: ClassVar[frozenset[str]] = frozenset()
    quota_codes: ClassVar[frozenset[str]] = frozenset()
    key_codes: ClassVar[frozenset[str]] = frozenset()
    dialect: ClassVar[Dialect | None] = None
    media_fields: ClassVar[tuple[str, ...]] = ("data",)
    default_timeout: ClassVar[Timeout] = Timeout()
    books_requests: ClassVar[bool] = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Let a server of one's own cost nothing."""
        super().__init_subclass__(**keywords)
        cls.is_free |= cls.is_own_server

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
        trusted_origins: tuple[str, ...] = (),
    ) -> None:
        """Check everything; nothing is opened or sent."""
        if isinstance(api_key, str):
            api_key = HiddenText(api_key)  # what is raised below shows its locals
        self.model = self._checked_model(self._default_model() if model is None else model)
        self.timeout = timeout_of(timeout, self.default_timeout)
        self._secret = self._key(api_key)
        self._has_own_session = session is not None
        self._trusted_origins = trusted_origins
        self._make_transport = partial(
            Transport,
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
            trusted_origins=trusted_origins,
        )
        self._transport = self._make_transport(self._base_url() if base_url is None else base_url)
        self._others: dict[str, Transport] = {}  # by origin, of the vendor's further hosts
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
        is_found = self._secret in (None, keys.in_environment(self.key_names))
        sent = None if self._secret is None or is_found else SealedKey(self._secret)
        options = {
            "model": self.model,
            "base_url": self.base_url,
            "timeout": self.timeout,
            "retry": self._transport.retry,
            "limits": self._transport.limits,
            "trusted_origins": self._trusted_origins,
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
        codes = [response.safe_text(at(error, name), 60) for name in ("code", "type")]
        return self.error_of(response, response.safe_text(at(error, "message")), codes)

    def error_of(
        self, response: ErrorResponse, words: str, codes: Sequence[str] = ()
    ) -> ProviderError:
        """The error that a status means, together with what the vendor says about it.

        Args:
            response: The error response.
            words: What it says, safe to show, or empty.
            codes: Its words for the kind of error, safe to show.
        """
        error = self._error_of(response, sentence(words), codes)
        error.words = words
        return error

    def _error_of(self, response: ErrorResponse, text: str, codes: Sequence[str]) -> ProviderError:
        facts = facts_of(response)
        refused = next((code for code in codes if code in self.refusal_codes), None)
        if refused:
            return RefusalError(
                f"{self.label} refused the prompt ({refused}): {text} Say it differently.",
                reason=refused,
                **facts,
            )
        if response.status == 402 or self.quota_codes.intersection(codes):
            return RateLimitError(
                f"{self.label} has no quota left for this key: {text} Add credit, or work "
                'locally: model="local".',
                quota_exhausted=True,
                **facts,
            )
        if response.status == 401 or self.key_codes.intersection(codes):
            name = f"Set {self.key_names[0]} to a valid key, or pass" if self.key_names else "Pass"
            return AuthenticationError(
                f"{self.label} does not accept the key: {text or 'no reason given.'} "
                f"{name} api_key=.",
                **facts,
            )
        if response.status == 404 and text:
            return ModelNotFoundError(
                f"{self.label} does not serve this model: {text} Live ones: {self.live_models()}.",
                **facts,
            )
        message = f"{self.label} answered {response.status}: {text}" if text else None
        return error_by_status(response, message)

    def transport_at(self, url: object) -> tuple[Transport, str, dict[str, str]]:
        """What sends to *url*, which the vendor gave, with the key; and its path and query there.

        Args:
            url: Absolute, or relative to the base URL.

        Raises:
            ProviderError: The vendor does not answer there, so the key must not go there.
        """
        text = self._absolute(url)
        own, parts, origin = self._transport.base_url, urlsplit(text), _origin_of(text)
        path, base = parts.path, f"{parts.scheme}://{parts.netloc}"
        if text.startswith(f"{own}/"):
            transport, path = self._transport, text.removeprefix(own).partition("?")[0]
        elif origin is not None and (origin == Origin.of(own) or self._answers_at(origin)):
            transport = self._others.get(base) or self._make_transport(base)
            self._others[base] = transport
        else:
            raise ProviderError(
                f"{self.label} named an address that is not its own, so the key was not sent there;"
                " report it if it happens again.",
                provider=self.provider,
                family="protocol",
                may_have_been_billed=True,
            )
        return transport, path, dict(parse_qsl(parts.query))

    def _absolute(self, url: object) -> str:
        """The address that *url* means, which may be relative to the base URL; empty if none."""
        with contextlib.suppress(ValueError):  # of brackets without an IPv6 address in them
            return urljoin(f"{self._transport.base_url}/", url) if isinstance(url, str) else ""
        return ""

    def _answers_at(self, origin: Origin) -> bool:
        below = tuple(host for host in self.key_hosts if host.startswith("."))
        is_listed = origin.host in self.key_hosts or origin.host.endswith(below)
        return is_listed and (origin.scheme, origin.port) == ("https", 443)

    async def bytes_at(self, address: str, response: Response, context: CallContext) -> bytes:
        """The file at *address*, which *response* named, or which is the file itself as `data:`.

        Raises:
            MediaToolkitError: It did not come whole; what was made may have been billed.
        """
        if address[:5].lower() == "data:":
            return await asyncio.to_thread(response.media_bytes, address.partition(",")[2])
        return await self.fetch_media(address, context)

    async def fetch_media(self, url: object, context: CallContext) -> bytes:
        """The file at *url*, which the vendor gave; up to `Limits.video` bytes.

        Args:
            url: Absolute, or relative to the base URL. The key goes along to the base URL's own
                origin alone; any other must be public or trusted.
            context: The public call, open.

        Raises:
            ProviderError: The vendor named no address.
            MediaToolkitError: It did not come whole; what was made may have been billed.
        """
        if not isinstance(url, str) or not url:
            raise ProviderError(
                f"{self.label} named no address where the media is; report it if it happens again.",
                provider=self.provider,
                family="protocol",
                may_have_been_billed=True,
            )
        address = self._absolute(url)
        try:
            with owners.scratch_folder() as folder:
                path = await self._transport.download(address, folder / "media", context)
                return await asyncio.to_thread(files.read_file, path)
        except MediaToolkitError as error:
            error.may_have_been_billed = True
            raise

    @classmethod
    def key_place(cls) -> str:
        """As for each client; of a server of one's own, whose address is set."""
        if cls.is_own_server:
            names = [name for name in cls.base_url_names if os.environ.get(name)]
            return f"{names[0]} is in the environment" if names else ""
        found = keys.find(cls.key_names)
        return f"{found.secret.name} is {found.place}" if found else ""

    @classmethod
    def credentials(cls) -> Secret | None:
        """The key that is found without asking anybody, or None."""
        found = keys.find(cls.key_names)
        return found.secret if found else None

    @classmethod
    def environment(cls) -> Hashable:
        """The keys and addresses in the environment, unread, and keys that were typed."""
        names = (*cls.key_names, *cls.base_url_names)
        return *(HiddenText(os.environ.get(name, "")) for name in names), keys.typed(cls.key_names)

    @classmethod
    def missing(cls, model: str, /) -> str:
        """Which key or address is to be set, or that a model is to be named; else empty."""
        if cls.has_key():
            return "" if model or cls.catalog else cls._advice()
        names = cls.base_url_names if cls.is_own_server else cls.key_names
        return f"Needs {'an address' if cls.is_own_server else 'a key'}: set {' or '.join(names)}."

    @classmethod
    def live_models(cls) -> str:
        """The models to name when another is not served."""
        names = (info.model_id.partition("/")[2] for info in cls.catalog if not info.ended)
        return ", ".join(names)

    async def close(self) -> None:
        """Refuse later use, fail what is in flight."""
        for transport in (self._transport, *self._others.values()):
            await transport.close()

    @classmethod
    def _default_model(cls) -> str:
        if not cls.catalog:
            raise PromptError(
                f"{cls.label} has no usual model for {cls.media_type.noun}s. {cls._advice()}"
            )
        return cls.catalog[0].model_id

    @classmethod
    def _advice(cls) -> str:
        return f'Name a model: model="{cls.provider}/…".'

    @classmethod
    def _key(cls, api_key: str | None) -> Secret | None:
        if api_key is not None:
            misplaced = cls._misplaced(api_key) if isinstance(api_key, str) else ""
            if misplaced:
                raise AuthenticationError(misplaced, provider=cls.provider)
            return Secret(api_key, "api_key")
        names = [name for name in cls.key_names if os.environ.get(name)]
        if len(names) > 1:
            _log.warning("Both %s are set; %s is used.", " and ".join(names), names[0])
        secret = cls.credentials()
        if secret is None and not cls.is_own_server:
            keys.look_again()
            secret = cls.credentials() or keys.ask_for(cls.label, cls.key_names)
        if secret is None and not cls.is_own_server:
            raise AuthenticationError(
                f"There is no key for {cls.label}: {keys.places(cls.key_names)}. "
                'Set one, or do without a key: model="local".',
                provider=cls.provider,
            )
        return secret

    @classmethod
    def _misplaced(cls, api_key: str) -> str:
        """Where *api_key* belongs if it is plainly no key, since the key is the first argument."""
        if api_key.startswith(("http://", "https://")):
            return "api_key= is an address; give it as base_url=."
        if api_key.startswith(f"{cls.provider}/"):
            return "api_key= is a model id; give it as model=."
        return ""

    @classmethod
    def _base_url(cls) -> str:
        name = next((name for name in cls.base_url_names if os.environ.get(name)), None)
        return checked_base(os.environ[name], name) if name else cls.default_base_url

    @classmethod
    def _checked_model(cls, model: object) -> str:
        if isinstance(model, str):
            name = model.removeprefix("models/").removeprefix(f"{cls.provider}/")
            if cls.model_names.fullmatch(name):
                return name
        raise PromptError(f"model={quoted(model)} is no name of a model.")


def _origin_of(url: str) -> Origin | None:
    """The origin of a plain http(s) address, or None."""
    with contextlib.suppress(UnsafeURLError):
        return Origin.of(url)
    return None


def facts_of(response: Response | ErrorResponse) -> dict[str, Any]:
    """What every error says of the response that it comes from."""
    return {
        "provider": response.provider,
        "status": response.status,
        "request_id": response.request_id,
    }


def protocol_error(what: str, response: Response) -> ProviderError:
    """The error for a response that makes no sense although its status is a success.

    Args:
        what: What happened, as the beginning of a sentence.
        response: The response; what it is for may have been billed.
    """
    return ProviderError(
        f"{what}; report it with the request id if it happens again.",
        family="protocol",
        may_have_been_billed=True,
        **facts_of(response),
    )


def sentence(text: str) -> str:
    """*text* with a full stop, where the vendor left it out."""
    return text if not text or text[-1] in ".!?…" else f"{text}."


def text_weight(text: str) -> int:
    """Bytes of *text* as JSON, at most; a letter beyond ASCII may take two escapes of six."""
    return len(text) * (1 if text.isascii() else 12)


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
