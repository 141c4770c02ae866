"""A key, in the one object that never shows it."""

import base64
import functools
import hmac
import html
import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from mediatoolkit.errors import AuthenticationError, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_UNFIT = re.compile(r"[^\x21-\x7e]")
_MASK = "[key]"
_LEAST = 8
"""Letters of a key that is masked: a shorter one is no secret, and stands in any text by chance."""

_START = 5
"""Letters of a key by which it is looked for."""

_GAP = r"(?:[^!-~]|\[[0-9;]{1,20}m){0,8}"  # blanks, invisible letters, what is left of a colour
_ALIKE = {"+": "-", "/": "_"}  # in base64 for URLs


class HiddenText(str):
    """Text that goes over the wire as it is and shows as `'[key]'` wherever it is looked at.

    Its slices and whatever else is made of it show the same, since a value may be shortened before
    it is shown. `str` gives the text itself, since aiohttp takes it in this way.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Show nothing."""
        return repr(_MASK)

    def __format__(self, spec: str) -> str:
        """Show nothing."""
        return format(_MASK, spec)

    def __iter__(self) -> "Iterator[HiddenText]":
        """Letters, each of them hidden."""
        return map(HiddenText, super().__iter__())

    def __radd__(self, before: str) -> "HiddenText":
        """*before* and this, hidden."""
        return HiddenText(before + str(self))


def _hiding(name: str) -> "Callable[..., Any]":
    """The method *name* of `str`, whose texts are hidden, too."""
    method = getattr(str, name)

    @functools.wraps(method)
    def hiding(*args: object, **options: object) -> Any:
        result = method(*args, **options)
        if isinstance(result, (list, tuple)):
            return type(result)(map(HiddenText, result))
        return HiddenText(result) if isinstance(result, str) else result

    return hiding


for _name in (
    *("__add__", "__getitem__", "__mod__", "__mul__", "__rmul__", "capitalize", "casefold"),
    *("center", "expandtabs", "format", "format_map", "join", "ljust", "lower", "lstrip"),
    *("partition", "removeprefix", "removesuffix", "replace", "rjust", "rpartition", "rsplit"),
    *("rstrip", "split", "splitlines", "strip", "swapcase", "title", "translate", "upper"),
    "zfill",
):
    setattr(HiddenText, _name, _hiding(_name))


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
        self._reveal: Callable[[], HiddenText] = lambda: hidden

    def header(self, prefix: str = "") -> HiddenText:
        """Header value that carries the key, *prefix* before it; made at send time only."""
        return HiddenText(prefix + self._reveal())

    def mask(self, text: str) -> str:
        """*text* with the key replaced by `[key]`, however it is written.

        That is: in either case, backwards, with blanks in it, URL-encoded, with the escapes of
        JSON, HTML or mail, as numbers of bytes, and as a part of what was encoded in base64.
        A key of fewer than 8 letters, as local servers take, stays: it is in any text by chance.
        Of a login, `user:password`, and of a key that looks like one, what is behind the colon is
        replaced when it stands alone, too.
        """
        key = self._reveal()
        text = masked(text, key)
        return masked(text, HiddenText(key.partition(":")[2]))

    def __repr__(self) -> str:
        """Show the name alone."""
        return f"Secret({self.name!r})"

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same key."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._reveal(), other._reveal())

    def __hash__(self) -> int:
        """Hash the key; the value differs from process to process."""
        return hash(self._reveal())

    def __copy__(self) -> Self:
        """Return the same object, so that no second copy of the key exists."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Return the same object, so that no second copy of the key exists."""
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse: a pickle is a file."""
        raise TypeError("A key is never pickled; read it again where it is needed.")


class SealedKey:
    """An API key on its way to a worker of one's own; it is pickled, and shows nothing of itself.

    Args:
        secret: The key.
    """

    __slots__ = ("_value",)

    def __init__(self, secret: Secret | str) -> None:
        """Hold the key."""
        self._value = secret.header() if isinstance(secret, Secret) else HiddenText(secret)

    def reveal(self) -> HiddenText:
        """The key, for the constructor of a client."""
        return self._value

    def __repr__(self) -> str:
        """Show nothing."""
        return f"SealedKey({_MASK})"

    def __reduce__(self) -> tuple[object, ...]:
        """Carry the key: the worker that it is sent to needs it."""
        return SealedKey, (str(self._value),)


def masked(text: str, key: HiddenText) -> str:
    """*text* without *key*, as `Secret.mask`."""
    if len(key) < _LEAST or len(text) < len(key):
        return text  # no form of the key is shorter than the key
    if not _starts_of(key).search(text):
        return text
    for form in _forms_of(key):
        if re.search(form.start, text, re.IGNORECASE):
            text = re.sub(form.whole, _MASK, text, flags=re.IGNORECASE)
    return text


class _Form(NamedTuple):
    """Patterns of one way to write a key, and of how that begins."""

    start: HiddenText
    whole: HiddenText


@functools.lru_cache(maxsize=16)
def _starts_of(key: HiddenText) -> "re.Pattern[str]":
    """Pattern of how each form of *key* begins.

    The patterns of whole keys take up to a second to compile, and hardly any text needs them.
    """
    return re.compile(
        HiddenText("|".join(map(str, [form.start for form in _forms_of(key)]))), re.IGNORECASE
    )


@functools.lru_cache(maxsize=16)
def _forms_of(key: HiddenText) -> tuple[_Form, ...]:
    """All that *key* may look like."""
    plain = str(key)
    letters = list(map(_letter, plain))
    coded = (
        list(map(_letter, part))
        for raw in (plain.encode(), plain.encode("utf-16-le"))
        for part in _base64_parts(raw)
    )
    return (
        _form(_GAP, letters),
        _form(_GAP, letters[::-1]),
        _form("[ :,-]{0,2}(?:0x)?", [f"{byte:02x}" for byte in plain.encode()]),
        _form("[ ,]{1,2}", list(map(str, plain.encode()))),
        *(_form(_GAP, part, "=*") for part in coded),
    )


def _form(gap: str, letters: "Sequence[str]", end: str = "") -> _Form:
    return _Form(HiddenText(gap.join(letters[:_START])), HiddenText(gap.join(letters) + end))


def _letter(letter: str) -> str:
    """Pattern of one letter: itself, or an escape of URLs, mail, JSON, Python or HTML."""
    code = ord(letter)
    alike = re.escape(letter) + _ALIKE.get(letter, "")
    named = html.escape(letter)
    entity = f"|{named}" if named != letter and ";" in named else ""
    return (
        rf"(?:\\?[{alike}]|[%=](?:25){{0,4}}{code:02x}|\\u\{{?0{{0,6}}{code:x}\}}?|\\x{code:02x}"
        rf"|\\{code:03o}|&\#(?:0{{0,4}}{code}|x0{{0,4}}{code:x});?{entity})"
    )


def _base64_parts(raw: bytes) -> "Iterable[str]":
    """What stands for *raw* in the base64 of text around it: three bytes make four letters."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        begin, end = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        yield encoded[begin:end]


def clean(text: str, mask: "Callable[[str], str]", limit: int = 300) -> str:
    """Text of a provider, safe to show: one line of at most *limit* characters, no key in it.

    Args:
        text: What the provider wrote.
        mask: Takes the keys out, as `Secret.mask`.
        limit: Most characters.
    """
    text = visible(text, one_line=True)  # first: a key could hide behind an invisible character
    text = " ".join(mask(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _problem(value: object) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {type(value).__name__}"
    if not value:
        return "is empty"
    if _UNFIT.search(value):
        return "has a character that no key has, such as a space or a line break"
    return None
