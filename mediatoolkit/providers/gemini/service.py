"""What every Gemini client shares: the key, the address, the model's name."""

import logging
import math
import os
import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import AuthenticationError, PromptError, ProviderError
from mediatoolkit.providers.base import ModelInfo
from mediatoolkit.providers.gemini.refusals import read_refusal
from mediatoolkit.runtime.context import CallContext, Timeout, timeout_of
from mediatoolkit.transport import ErrorResponse, Limits, Response, Retry, Secret, Transport
from mediatoolkit.transport.guard import checked_base
from mediatoolkit.transport.secret import HiddenText

if TYPE_CHECKING:
    import aiohttp

BASE_URL = "https://generativelanguage.googleapis.com"
_BASE_NAME = "GOOGLE_GEMINI_BASE_URL"
_KEY_NAMES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_MIB = 1 << 20
_LARGEST_REQUEST = 100 * _MIB
_MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,100}")

_log = logging.getLogger("mediatoolkit")


class GeminiService:
    """The constructor and the errors that all Gemini clients have in common.

    Args:
        api_key: Left out, `GOOGLE_API_KEY` then `GEMINI_API_KEY` are read.
        base_url: Left out, `GOOGLE_GEMINI_BASE_URL`, then Google's own.
        model: The vendor's name; one that is newer than this package is fine.
        api_version: `"v1"` or `"v1beta"` (needed for `gemini-*-latest`).
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that files may be fetched from even when they are
            private; the key goes to none of them.

    Raises:
        AuthenticationError: There is no key, or it cannot be one.
        PromptError: The model's name cannot be one.
        UnsafeURLError: *base_url* is not an http(s) address.
    """

    provider = "gemini"
    default_model: str
    live: ClassVar[tuple[str, ...]]
    """The models to name when another is not served, the default first."""

    local_verb: ClassVar[str] = "work"
    """What the local engine can do instead, for a person without a paid key."""

    default_timeout = Timeout()

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        model: str | None = None,
        api_version: str = "v1",
        session: "aiohttp.ClientSession | None" = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        trusted_origins: tuple[str, ...] = (),
    ) -> None:
        """Check everything; nothing is opened or sent."""
        if isinstance(api_key, str):
            api_key = HiddenText(api_key)  # what is raised below shows its locals
        self.model = _checked_model(self.default_model if model is None else model)
        self.timeout = timeout_of(timeout, self.default_timeout)
        self._version = _checked_version(api_version)
        self._transport = Transport(
            _base_url() if base_url is None else base_url,
            provider=self.provider,
            secret=_key(api_key),
            auth_header="x-goog-api-key",
            session=session,
            timeout=self.timeout,
            retry=retry,
            limits=limits,
            read_error=self._read_refusal,
            trusted_origins=trusted_origins,
        )

    @classmethod
    def credentials(cls) -> Secret | None:
        """The key in the environment, or None."""
        for name in _KEY_NAMES:
            if os.environ.get(name):
                return Secret(os.environ[name], name)
        return None

    @classmethod
    def environment(cls) -> Hashable:
        """The key and the address in the environment."""
        return cls.credentials(), _base_url()

    @classmethod
    def _offer(cls, model: str, takes: frozenset[str], **choices: tuple[str, ...]) -> ModelInfo:
        reason = "" if cls.credentials() else f"Needs a key: set {' or '.join(_KEY_NAMES)}."
        return ModelInfo(f"{cls.provider}/{model}", reason, choices, takes)

    def _read_refusal(self, refusal: ErrorResponse) -> ProviderError:
        """The error that a status other than 200 means."""
        live = ", ".join(self.live)
        return read_refusal(refusal, model=self.model, live=live, local=self.local_verb)

    async def close(self) -> None:
        """Refuse later use, fail what is in flight."""
        await self._transport.close()

    async def _generate(self, document: dict[str, Any], context: CallContext) -> Response:
        return await self._transport.post(
            f"/{self._version}/models/{self.model}:generateContent",
            document,
            context,
            headers={"x-server-timeout": str(math.ceil(context.left()))},
        )


def check_size(document: dict[str, Any], advice: str) -> None:
    """Refuse a request that is larger than the vendor reads.

    Args:
        document: What is to be sent.
        advice: Sentence that says what makes it smaller.

    Raises:
        PromptError: Says how large it is, with *advice*.
    """
    size = _size(document)
    if size > _LARGEST_REQUEST:
        raise PromptError(
            f"The request weighs {size / _MIB:,.0f} MiB; Gemini takes {_LARGEST_REQUEST // _MIB}. "
            f"{advice}"
        )


def _size(value: object) -> int:
    """Bytes of *value* on the wire, where base64 makes four of three; names are not counted."""
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_size, value))
    if isinstance(value, bytes):
        return 4 * len(value) // 3
    return len(value) if isinstance(value, str) else 0


def _key(api_key: str | None) -> Secret:
    if api_key is not None:
        return Secret(api_key, "api_key")
    if all(os.environ.get(name) for name in _KEY_NAMES):
        _log.warning("Both GOOGLE_API_KEY and GEMINI_API_KEY are set; GOOGLE_API_KEY is used.")
    found = GeminiService.credentials()
    if found is None:
        raise AuthenticationError(
            "There is no key for Gemini: not in api_key=, GOOGLE_API_KEY or GEMINI_API_KEY. "
            'Set one, or do without a key: model="local".',
            provider="gemini",
        )
    return found


def _base_url() -> str:
    found = os.environ.get(_BASE_NAME)
    return checked_base(found, _BASE_NAME) if found else BASE_URL


def _checked_model(model: object) -> str:
    if isinstance(model, str):
        name = model.removeprefix("models/").removeprefix("gemini/")
        if _MODEL.fullmatch(name):
            return name
    raise PromptError(f"model={quoted(model)} is no name of a model.")


def _checked_version(version: object) -> str:
    if not isinstance(version, str) or version not in ("v1", "v1beta", "v1alpha"):
        raise PromptError(f'api_version={quoted(version)} is none; use "v1" or "v1beta".')
    return version
