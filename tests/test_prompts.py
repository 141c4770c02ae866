"""Prompts: what can be sent, and in which words the rest is refused."""

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from mediatoolkit.errors import MediaError, PromptError, StorageError
from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt


def picture(size: tuple[int, int] = (8, 8)) -> bytes:
    file = io.BytesIO()
    PillowImage.new("RGB", size).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "text", ["a fox", "🦊", "日本の山", "two\nlines\tand a tab", "x" * 100_000]
)
def test_any_text_is_a_prompt(text: str) -> None:
    assert ImagePrompt(text).text == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        (None, "not NoneType"),
        (b"fox", "not bytes"),
        (["fox"], "not list"),
        ("x" * 200_000, "200,000 characters"),
        ("a \x00 fox", r"U\+0000 at position 2"),
        ("a \x1b[31mfox", r"U\+001B"),
        ("a \ud800 fox", r"U\+D800"),
    ],
)
def test_what_cannot_be_a_prompt_is_refused(text: Any, words: str) -> None:
    with pytest.raises(PromptError, match=words):
        ImagePrompt(text)


@pytest.mark.parametrize(
    ("given_size", "size", "pixels"),
    [
        ("1k", "1K", None),
        ("512", "512", None),
        (512, "512", None),
        ("1024x768", "1024x768", (1024, 768)),
        ("1024×768", "1024x768", (1024, 768)),
        ((640, 480), "640x480", (640, 480)),
        (640, "640x640", (640, 640)),
        ("640", "640x640", (640, 640)),
        (None, None, None),
    ],
)
def test_sizes_are_brought_into_one_form(
    given_size: Any, size: str | None, pixels: tuple[int, int] | None
) -> None:
    prompt = ImagePrompt("fox", size=given_size)
    assert (prompt.size, prompt.pixels) == (size, pixels)


@pytest.mark.parametrize("size", ["banana", "0x5", "8K", "-1", -5, 0, (1, 2, 3), 1.5, True, ""])
def test_an_impossible_size_is_refused(size: Any) -> None:
    with pytest.raises(PromptError, match="is not a size"):
        ImagePrompt("fox", size=size)


@pytest.mark.parametrize("aspect", ["wide", "16/9", "0:1", 1.5, "100:1"])
def test_an_impossible_aspect_is_refused(aspect: Any) -> None:
    with pytest.raises(PromptError, match="is not a ratio"):
        ImagePrompt("fox", aspect=aspect)


def test_pixels_and_aspect_together_are_refused() -> None:
    with pytest.raises(PromptError, match="already says the shape"):
        ImagePrompt("fox", size="64x64", aspect="16:9")


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "7", True])
def test_an_impossible_seed_is_refused(seed: Any) -> None:
    with pytest.raises(PromptError, match="seed"):
        ImagePrompt("fox", seed=seed)


def test_references_are_read_from_what_people_have(tmp_path: Path) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(picture())
    prompt = ImagePrompt.of("fox", references=[path, picture(), Image(picture())])
    assert [reference.width for reference in prompt.references] == [8, 8, 8]


@pytest.mark.parametrize(
    ("references", "error", "words"),
    [
        ([b"<svg/>"], MediaError, "reference 1 cannot be used. This is SVG"),
        ([picture(), picture()[:-9]], MediaError, "reference 2 .* cut short"),
        ("fox.png", PromptError, r"references=\[picture\]"),
        (["no/such/fox.png"], StorageError, "fox.png"),
        ([None], MediaError, "NoneType"),
    ],
)
def test_what_is_no_reference_is_refused(
    references: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ImagePrompt("fox", references=references)


def test_a_mask_needs_its_picture_in_its_size() -> None:
    with pytest.raises(PromptError, match="needs the picture"):
        ImagePrompt.of("fox", mask=picture())
    with pytest.raises(PromptError, match="must be equal"):
        ImagePrompt.of("fox", mask=picture((4, 4)), references=[picture()])


def test_unknown_keywords_become_options_and_lay_over_a_prompt() -> None:
    prompt = ImagePrompt.of("fox", seed=3, temperature=0.5)
    again = ImagePrompt.of(prompt, seed=4, top_p=0.9)
    assert (again.seed, dict(again.options)) == (4, {"temperature": 0.5, "top_p": 0.9})
    assert (prompt.seed, dict(prompt.options)) == (3, {"temperature": 0.5})


def test_a_prompt_cannot_be_changed() -> None:
    prompt = ImagePrompt.of("fox", temperature=0.5)
    with pytest.raises(AttributeError):
        prompt.text = "wolf"  # type: ignore[misc]
    with pytest.raises(TypeError):
        prompt.options["temperature"] = 1  # type: ignore[index]


@given(st.text())
def test_every_text_is_taken_or_refused_with_a_typed_error(text: str) -> None:
    with contextlib.suppress(PromptError):
        assert ImagePrompt(text).text.encode()
