"""A key, in the one object that never shows it."""

import base64
import hmac
import re
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.parse import quote, quote_plus

from mediatoolkit.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Callable

_UNFIT = re.compile(r"[^\x21-\x7e]")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_MASK = "[key]"
_HOLE = "\0"  # stands for the mask meanwhile: a key such as "key" is a part of that


class HiddenText(str):
    """Text that goes over the wire as it is and shows as `'[key]'` wherever it is looked at."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show nothing."""
        return repr(_MASK)


class Secret:
    """An API key. `repr`, `str`, `format`, `vars`, pickle and copy show nothing of it.

    Args:
        value: The key itself.
        name: What a user knows it by, such as `"GEMINI_API_KEY"`; used in messages.

    Raises:
        AuthenticationError: *value* cannot be a key: empty, or with white space, control or
            non-ASCII characters in it. Nothing was sent.
    """

    __slots__ = ("_reveal", "name")

    def __init__(self, value: str, name: str) -> None:
        """Check the key before any request can carry it."""
        self.name = name
        problem = _problem(value)
        if problem:
            value = ""  # the raising frame shows its locals
            raise AuthenticationError(
                f"{name} {problem}; copy it again from your provider's page, without quotes, "
                "spaces or line breaks."
            )
        hidden = HiddenText(value)
        self._reveal: Callable[[], str] = lambda: hidden

    def header(self, prefix: str = "") -> HiddenText:
        """Header value that carries the key, *prefix* before it; made at send time only."""
        return HiddenText(prefix + self._reveal())

    def mask(self, text: str) -> str:
        """*text* with the key, plain, URL-encoded or base64, replaced by `[key]`."""
        text = text.replace(_HOLE, "")
        if len(text) < len(self._reveal()):
            return text  # as no form of it is shorter, and most texts are
        for form in self._forms():
            text = text.replace(form, _HOLE)
        return text.replace(_HOLE, _MASK)

    def _forms(self) -> tuple[str, ...]:
        key = str(self._reveal())
        raw = key.encode()
        return (
            HiddenText(key),
            HiddenText(quote(key, safe="")),
            HiddenText(quote_plus(key)),
            HiddenText(base64.b64encode(raw).decode().rstrip("=")),
            HiddenText(base64.urlsafe_b64encode(raw).decode().rstrip("=")),
        )

    def __repr__(self) -> str:
        """Name alone."""
        return f"Secret({self.name!r})"

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same key."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._reveal(), other._reveal())

    def __hash__(self) -> int:
        """As for the key; differs from process to process."""
        return hash(self._reveal())

    def __copy__(self) -> Self:
        """The same object: there is one copy of a key."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """The same object: there is one copy of a key."""
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse: a pickle is a file."""
        raise TypeError("A key is never pickled; read it again where it is needed.")


def clean(text: str, secret: Secret | None, limit: int = 300) -> str:
    """Text of a provider, safe to show: one line of at most *limit* characters, no key in it."""
    text = _CONTROL.sub("", text)  # first: a key could hide behind an invisible character
    if secret is not None:
        text = secret.mask(text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _problem(value: object) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {type(value).__name__}"
    if not value:
        return "is empty"
    if _UNFIT.search(value):
        return "has a character that no key has, such as a space or a line break"
    return None
