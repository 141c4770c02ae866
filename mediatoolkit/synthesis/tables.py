"""Tables in TOML files beside the modules that use them, checked while they are read."""

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

_COLOUR = re.compile(r"[0-9a-f]{6}")


class Tables:
    """The entries and sections of one file.

    Every method raises ValueError where the file holds something else than it promises; the
    message names the file, the section and the entry.

    Args:
        file: Its name, for messages.
        text: What it holds, TOML.
    """

    def __init__(self, file: str, text: str) -> None:
        """Parse the text."""
        self._file = file
        try:
            self._sections = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{file}: {error}.") from error

    def wrong(self, place: str, problem: str) -> ValueError:
        """The error to raise for an entry."""
        return ValueError(f"{self._file}: {place} {problem}.")

    def words(self, name: str) -> tuple[str, ...]:
        """An entry that holds words: a text, or a list where words may have spaces."""
        if name not in self._sections:
            raise self.wrong(name, "is missing")
        return self._as_words(name, self._sections[name])

    def section(self, name: str) -> dict[str, Any]:
        """A section, whatever its values are."""
        section = self._sections.get(name)
        if not isinstance(section, dict):
            raise self.wrong(f"[{name}]", "is missing")
        return section

    def texts(self, name: str) -> dict[str, str]:
        """A section in which every value is a text."""
        for key, value in self.section(name).items():
            if not isinstance(value, str):
                raise self.wrong(f"[{name}] {key}", f"is {value!r}, not a text")
        return self.section(name)

    def numbers(self, name: str) -> dict[str, float]:
        """A section in which every value is a number above 0."""
        for key, value in self.section(name).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise self.wrong(f"[{name}] {key}", f"is {value!r}, not a number above 0")
        return self.section(name)

    def lists(self, name: str) -> dict[str, tuple[str, ...]]:
        """A section in which every value holds words."""
        items = self.section(name).items()
        return {key: self._as_words(f"[{name}] {key}", value) for key, value in items}

    def meanings(self, name: str) -> dict[str, str]:
        """The words of a section, each with the key that it stands behind; none stands twice."""
        meanings: dict[str, str] = {}
        for meaning, words in self.lists(name).items():
            for word in words:
                if word in meanings:
                    raise self.wrong(f"[{name}] {meaning}", f'has "{word}" a second time')
                meanings[word] = meaning
        return meanings

    def colours(self, name: str, count: int) -> dict[str, tuple[str, ...]]:
        """A section in which every value holds *count* colours of six hexadecimal digits."""
        rows = self.lists(name)
        for key, codes in rows.items():
            place = f"[{name}] {key}"
            if len(codes) != count:
                raise self.wrong(place, f"has {len(codes)} colours, not {count}")
            self._check_colours(place, codes)
        return rows

    def colour_list(self, name: str) -> tuple[str, ...]:
        """An entry that holds colours of six hexadecimal digits."""
        codes = self.words(name)
        self._check_colours(name, codes)
        return codes

    def _check_colours(self, place: str, codes: Iterable[str]) -> None:
        for code in codes:
            if not _COLOUR.fullmatch(code):
                raise self.wrong(place, f'has "{code}", not six hexadecimal digits')

    def _as_words(self, place: str, value: Any) -> tuple[str, ...]:
        words = value.split() if isinstance(value, str) else value
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise self.wrong(place, f"is {value!r}, not a list of words")
        return tuple(words)


def load(package: str | None, file: str) -> Tables:
    """Read a file that lies in a package.

    Args:
        package: Its dotted name, such as the `__package__` of the module that asks.
        file: The file's name.
    """
    return Tables(file, files(package or "").joinpath(file).read_text("utf-8"))
