"""A text is cut after sentences, never within a word, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.sentences import sentences, split


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two! Three? Four… Five.", ["One.", "Two!", "Three?", "Four…", "Five."]),
        ("Dr. Smith met J. K. Rowling on St. John's Rd.", None),
        ("It costs 3.14 dollars, e.g. here, i.e. now", None),
        ("See Fig. 3 and No. 5.", None),
        ("No. I will not.", ["No.", "I will not."]),
        ("So do I. Then we go.", ["So do I.", "Then we go."]),
        ('"Really?" he said. "Yes!" She left.', ['"Really?" he said.', '"Yes!"', "She left."]),
        ("She left... and came back", None),
        ("She left... Then he ran", ["She left...", "Then he ran"]),
        ("1. First\n2. Second", ["1. First", "2. Second"]),
        ("# 3. Results\n- 1. First", ["# 3. Results", "- 1. First"]),
        ("It costs 5 Mio. EUR", None),
        ("On Jan. 5 we were ca. 5 people.", None),
        ("A heading\nThen text that\nis wrapped", ["A heading", "Then text that\nis wrapped"]),
        ("one line\n\nanother", ["one line", "another"]),
        ("本です。はい\uff1f「え」終", ["本です。", "はい\uff1f", "「え」終"]),
    ],
)
def test_sentences_end_where_people_hear_it(text: str, pieces: list[str] | None) -> None:
    assert [piece.strip() for piece in sentences(text)] == (pieces or [text])


@given(st.text(alphabet="aB1 .!?,\n\"'。、", max_size=200), st.integers(1, 30))
def test_nothing_is_lost_and_no_piece_is_too_long(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= limit for piece in pieces)
    assert "".join(sentences(text)) == text


@given(st.lists(st.from_regex(r"[a-z]{1,9}[.,!?]?", fullmatch=True), max_size=50))
def test_no_word_is_cut(words: list[str]) -> None:
    pieces = split(" ".join(words), 12)
    assert [word for piece in pieces for word in piece.split()] == words


def test_short_sentences_stay_together_up_to_the_limit() -> None:
    assert split("One. Two. Three. Four.", 12) == ["One. Two. ", "Three. Four."]


def test_a_long_sentence_is_cut_after_a_clause() -> None:
    text = "The fox ran over the hill, and then it slept under a tree."
    assert split(text, 40) == ["The fox ran over the hill, ", "and then it slept under a tree."]


@pytest.mark.parametrize("unit", [".", " ", "a", '."', "\n", "。", "a, ", "?! ", "\t\n"])
def test_the_longest_text_of_anything_is_split(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    assert "".join(split(text, 300)) == text
