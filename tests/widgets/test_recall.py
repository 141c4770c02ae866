"""The call that made a piece of media."""

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediatoolkit as mt
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.widgets.media_facts import quoted, to_code


async def _again(code: str) -> Media:
    """What the call in a cell would give."""
    scope: dict[str, Any] = {"mt": mt}
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    value = eval(compile(code, "cell", "eval", flags=flags), scope)  # noqa: S307 - the point
    result = await value
    assert isinstance(result, Media)
    return result


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mt.Store:
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "store"))
    return mt.Store.default()


async def test_a_picture_is_made_again_to_the_byte() -> None:
    fox = await mt.image(
        'a "red" fox\nby night 🦊', model="local/painter", size="512", aspect="3:2"
    )
    code = to_code(fox)

    assert code.startswith('await mt.image(\n    "a \\"red\\" fox\\nby night 🦊",\n')
    assert (await _again(code)).data == fox.data
    await mt.close()


async def test_a_short_call_is_one_line() -> None:
    fox = await mt.image("a fox", model="local/painter", seed=7, size="512")

    assert to_code(fox) == 'await mt.image("a fox", model="local/painter", seed=7, size="512")'
    await mt.close()


async def test_a_voice_is_made_again_to_the_byte() -> None:
    speech = await mt.speech("It's a fox.", model="local/hibari", speed=1.25)
    code = to_code(speech)

    assert code == 'await mt.speech("It\'s a fox.", model="local/hibari", speed=1.25)'
    assert (await _again(code)).data == speech.data
    await mt.close()


async def test_a_film_starts_from_the_pictures_in_the_store() -> None:
    fox = await mt.image("a fox", model="local/painter", seed=7, size="512")
    film = await mt.video("it looks up", image=fox, model="local/film", seconds=1, seed=1)
    code = to_code(film)

    assert str(fox.path) in code
    assert (await _again(code)).data == film.data
    frame = to_code(film.poster(0.5))
    assert frame.startswith("(await mt.video(")
    ast.parse(frame)
    await mt.close()


async def test_a_film_of_pictures_is_made_again_to_the_byte() -> None:
    foxes = [
        await mt.image("a fox", model="local/painter", seed=seed, size="512") for seed in (1, 2)
    ]
    film = await mt.film(foxes, "A fox.", seconds=[1, 1.5], size="320x240", captions=False)
    code = to_code(film)

    assert code.startswith("await mt.film(\n    [")
    assert "captions=False" in code
    assert (await _again(code)).data == film.data
    await mt.close()


def test_what_is_missing_is_told() -> None:
    digest = "0123456789abcdef"
    provenance = _record("x", references=[digest], mask=digest)
    lines = to_code(_sound(provenance)).splitlines()

    assert lines[:2] == [
        f"# references: {digest}… is not in the store; put the file in the place of None",
        f"# mask: {digest}… is not in the store; put the file in the place of None",
    ]
    assert "references=[None], mask=None" in lines[2]


def test_media_of_unknown_origin_says_so() -> None:
    with pytest.raises(MediaToolkitError, match="does not say what made it"):
        to_code(_sound(None))


@given(text=st.text(st.characters()))
def test_any_text_is_one_literal_on_one_line(text: str) -> None:
    literal = quoted(text)

    assert ast.literal_eval(literal) == text
    assert len(literal.splitlines()) == 1
    assert literal.startswith('"')


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NAMES = st.text() | st.sampled_from(["references", "mask", "model", "class", "seed", "pictures"])


@given(prompt=st.text(), model=st.text(), options=st.dictionaries(NAMES, JSON))
def test_any_record_gives_one_call_and_nothing_else(
    prompt: str, model: str, options: dict[str, Any]
) -> None:
    """Whatever a file from elsewhere says of itself, the cell holds one call of literals."""
    provenance = mt.Provenance(model=model, prompt=prompt, engine="x", seed=1, options=options)
    code = to_code(_sound(provenance), store=mt.Store("nowhere"))

    (line,) = ast.parse(code).body
    assert isinstance(line, ast.Expr)
    assert isinstance(line.value, ast.Await)
    assert sum(isinstance(node, ast.Call) for node in ast.walk(line)) == 1
    assert {node.id for node in ast.walk(line) if isinstance(node, ast.Name)} == {"mt"}


def _sound(provenance: mt.Provenance | None) -> mt.Audio:
    return mt.Audio.from_samples([0.0, 0.1], 8000, provenance=provenance)


def _record(prompt: str, **options: Any) -> mt.Provenance:
    return mt.Provenance(model="local/x", prompt=prompt, engine="local", options=options)
