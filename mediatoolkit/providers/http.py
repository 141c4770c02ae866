"""What clients of vendors on the web have in common: the key, the address, unknown JSON."""

import logging
import os
import re
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import AuthenticationError, PromptError, ProviderError
from mediatoolkit.media import Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client
from mediatoolkit.runtime.context import Timeout, timeout_of
from mediatoolkit.transport import (
    Dialect,
    ErrorResponse,
    Limits,
    Response,
    Retry,
    Secret,
    Transport,
    error_by_status,
)
from mediatoolkit.transport.guard import checked_base
from mediatoolkit.transport.secret import HiddenText

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
        trusted_origins: Further origins that files may be fetched from even when they are
            private; the key goes to none of them.

    Attributes:
        label: The vendor's name in messages.
        key_names: Environment variables that may hold the key, the first one first.
        default_base_url: The vendor's own address.
        base_url_names: Environment variables that may hold another address.
        auth_header: Header field that carries the key.
        auth_prefix: Text before the key.
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
    dialect: ClassVar[Dialect | None] = None
    media_fields: ClassVar[tuple[str, ...]] = ("data",)
    default_timeout: ClassVar[Timeout] = Timeout()

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
        self.model = self._checked_model(self.catalog[0].model_id if model is None else model)
        self.timeout = timeout_of(timeout, self.default_timeout)
        self._transport = Transport(
            self._base_url() if base_url is None else base_url,
            provider=self.provider,
            secret=self._key(api_key),
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
        info = self._info()
        if info:
            info.warn_of_end()

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error that an error response means; a vendor reads its body here."""
        return error_by_status(response)

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
        return "" if cls.credentials() else f"Needs a key: set {' or '.join(cls.key_names)}."

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
