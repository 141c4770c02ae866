import base64
import copy
import pickle
import reprlib
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from mediatoolkit.errors import AuthenticationError
from mediatoolkit.transport.secret import HiddenText, Secret, clean

KEY = "AIza-top+secret/key=0123456789"
SECRET = Secret(KEY, "ACME_KEY")


@pytest.mark.parametrize("look", [repr, str, format, "{0!r:>40}".format, dir, "%s".__mod__])
def test_no_look_at_a_secret_shows_the_key(look: object) -> None:
    assert KEY not in str(look(SECRET))  # type: ignore[operator]


def test_a_secret_has_no_vars_and_no_pickle() -> None:
    with pytest.raises(TypeError):
        vars(SECRET)
    with pytest.raises(TypeError):
        pickle.dumps(SECRET)


def test_a_copy_of_a_secret_is_the_secret() -> None:
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy([SECRET])[0] is SECRET


def test_the_header_carries_the_key_and_does_not_show_it() -> None:
    header = SECRET.header("Bearer ")

    assert header == f"Bearer {KEY}"
    assert KEY not in repr({"Authorization": header})


@pytest.mark.parametrize("value", ["", " ", "a b", "key\n", "\nkey", "k\x00y", "kéy", "k\u200by"])
def test_what_cannot_be_a_key_is_refused_with_the_next_step(value: str) -> None:
    with pytest.raises(AuthenticationError, match=r"ACME_KEY.*copy it again") as caught:
        Secret(value, "ACME_KEY")

    assert not value.strip() or value not in str(caught.value)


RAW = KEY.encode()
FORMS = {
    "plain": KEY,
    "lower case": KEY.lower(),
    "upper case": KEY.upper(),
    "URL": quote(KEY, safe=""),
    "URL twice": quote(quote(KEY, safe=""), safe=""),
    "URL four times": quote(quote(quote(quote(KEY, safe=""), safe=""), safe=""), safe=""),
    "every byte of a URL": "".join(f"%{byte:02X}" for byte in RAW),
    "JSON": "".join(f"\\u{byte:04x}" for byte in RAW),
    "JSON of some": KEY.replace("/", "\\/").replace("+", "\\u002B"),
    "Python": "".join(f"\\x{byte:02x}" for byte in RAW),
    "HTML": "".join(f"&#{byte};" for byte in RAW),
    "HTML in hex": "".join(f"&#x{byte:X};" for byte in RAW),
    "HTML without ends": "".join(f"&#{byte}" for byte in RAW),
    "HTML with zeros": "".join(f"&#{byte:05};" for byte in RAW),
    "mail": "".join(f"={byte:02X}" for byte in RAW),
    "octal": "".join(f"\\{byte:03o}" for byte in RAW),
    "numbers": str([*RAW]),
    "hexadecimal numbers": ", ".join(map(hex, RAW)),
    "hex": RAW.hex(),
    "upper hex": RAW.hex().upper(),
    "hex with colons": RAW.hex(":"),
    "cut by a blank": f"{KEY[:9]} {KEY[9:]}",
    "cut by a line": f"{KEY[:9]}\r\n   {KEY[9:]}",
    "spaced": " ".join(KEY),
    "coloured": f"{KEY[:9]}\x1b[1;31m{KEY[9:]}",
    "coloured well": f"{KEY[:9]}\x1b[38;5;200;48;5;16m{KEY[9:]}",
    "base64 of UTF-16": base64.b64encode(KEY.encode("utf-16-le")).decode(),
    "with soft hyphens": "\xad".join(KEY),
    "backwards": KEY[::-1],
    **{f"base64 at {at}": base64.b64encode(b"u:?"[:at] + RAW).decode() for at in range(4)},
    **{f"base64 before {at}": base64.b64encode(RAW + b"u:?"[:at]).decode() for at in range(4)},
    **{
        f"URL-safe at {at}": base64.urlsafe_b64encode(b"u:?"[:at] + RAW).decode() for at in range(4)
    },
    "base64 in lines": base64.encodebytes(RAW * 2).decode(),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_the_key_is_masked(name: str) -> None:
    text = f"bad key ({FORMS[name]}) given"

    for shown in (SECRET.mask(text), clean(text, SECRET.mask)):
        assert shown.startswith("bad key (")
        assert shown.endswith(") given")
        assert "[key]" in shown
        assert len(shown) <= len("bad key () given") + 15  # what is left belongs to its neighbours


@pytest.mark.parametrize(
    "text", ["AIza-top secret", "a" * 300, "a " * 200, "no key at all: 0123456789"]
)
def test_what_is_not_the_key_stays(text: str) -> None:
    assert SECRET.mask(text) == text


def test_masking_a_whole_page_takes_no_time() -> None:
    page = (KEY[:-1] + " ") * 2200
    begun = time.process_time()
    assert SECRET.mask(page) == page
    assert time.process_time() - begun < 1


LOOKS: dict[str, Callable[[HiddenText], object]] = {
    "slice": lambda text: text[:40],
    "letter": lambda text: text[0],
    "letters": list,
    "backwards": lambda text: text[::-1],
    "case": lambda text: [text.casefold(), text.lower(), text.upper(), text.title()],
    "format": lambda text: f"{text} {text:>50} {text!r}",
    "more": lambda text: ["Bearer " + text, text + "!", text * 2],
    "split": lambda text: [
        text.split("-"),
        text.partition("/"),
        text.rsplit("+"),
        text.splitlines(),
    ],
    "stripped": lambda text: [text.strip(), text.removeprefix("A"), text.replace("-", "")],
    "filled": lambda text: [text.ljust(99), text.center(99), text.zfill(99), text.expandtabs()],
    "joined": lambda text: text.join("ab"),
    "shortened": lambda text: reprlib.repr({"key": text}),
    "translated": lambda text: text.translate({65: "B"}),
    "largest": max,
}


@pytest.mark.parametrize("name", LOOKS)
def test_what_is_made_of_a_hidden_text_is_hidden(name: str) -> None:
    shown = repr(LOOKS[name](HiddenText(KEY)))

    assert "[key]" in shown
    for part in (KEY[:4], KEY[:4].lower(), KEY[-4:], "top", "TOP", "'A'", "pot"):
        assert part not in shown


@pytest.mark.parametrize("key", ["k", "P", "[key]", "7letter"])
def test_a_key_of_a_few_letters_damages_no_words(key: str) -> None:
    """Local servers take any key, such as "x"; what is in every text is no secret."""
    text = f"ask tomorrow about {key}, PerDay"

    assert Secret(key, "K").mask(text) == text


@pytest.mark.parametrize("key", ["8letters", "[[key]]!"])
def test_a_key_of_eight_letters_is_masked_once(key: str) -> None:
    assert Secret(key, "K").mask(f"<{key}>") == "<[key]>"


def test_the_password_of_a_login_is_masked_alone_too() -> None:
    """A server may quote what it read of the header, without the name before it."""
    secret = Secret("marie:radium-226", "K")

    assert secret.mask("marie and radium-226") == "marie and [key]"
    assert secret.mask("<marie:radium-226>") == "<[key]>"
    assert Secret("marie:short", "K").mask("a short word") == "a short word"


def test_only_the_key_is_masked() -> None:
    assert SECRET.mask("n\0o\0") == "n\0o\0"


@pytest.mark.parametrize("unseen", ["\u200b\x07", "\xad", "\u2060", "\ud800", "\U000e0041"])
def test_provider_text_becomes_one_short_line_without_the_key(unseen: str) -> None:
    hidden = KEY[:5] + unseen + KEY[5:]

    shown = clean(f"no\r\n\x1b[31m {hidden} " + "x" * 1000, SECRET.mask)

    assert shown.startswith("no [31m [key] xxx")
    assert len(shown) == 300
