import base64
import copy
import pickle
from urllib.parse import quote

import pytest

from mediatoolkit.errors import AuthenticationError
from mediatoolkit.transport.secret import Secret, clean

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


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(KEY.encode()).decode(),
    ],
)
def test_every_form_of_the_key_is_masked(form: str) -> None:
    shown = SECRET.mask(f"bad key {form} given")

    assert shown.startswith("bad key [key]")
    assert form.rstrip("=") not in shown


@pytest.mark.parametrize("key", ["key", "k", "[", "key]", "y"])
def test_a_key_that_is_in_the_mask_is_masked_once(key: str) -> None:
    assert Secret(key, "K").mask(f"<{key}>") == "<[key]>"


def test_only_the_key_is_masked() -> None:
    assert SECRET.mask("n\0o\0") == "no"


@pytest.mark.parametrize("unseen", ["\u200b\x07", "\xad", "\u2060", "\ud800", "\U000e0041"])
def test_provider_text_becomes_one_short_line_without_the_key(unseen: str) -> None:
    hidden = KEY[:5] + unseen + KEY[5:]

    shown = clean(f"no\r\n\x1b[31m {hidden} " + "x" * 1000, SECRET)

    assert shown.startswith("no [31m [key] xxx")
    assert len(shown) == 300
