"""Two pictures beside or over each other, and what was asked for differently."""

import difflib
import json
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import traitlets as t

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Image
from mediatoolkit.widgets import buttons, viewer
from mediatoolkit.widgets.job_row import MediaRef, MediaRefs
from mediatoolkit.widgets.media_facts import counted, measures
from mediatoolkit.widgets.mounted import MountedPanel
from mediatoolkit.widgets.page import script, style
from mediatoolkit.widgets.results import grid, small, thumbnail

_SIDE = 384  # pixels of the longer side of a picture in a saved notebook
_LONGEST = 600  # words of a prompt that are compared one by one
_WORD = re.compile(r"\s?(?:\w+|[^\w\s])")
_NOTHING = "–"


def compare(a: object, b: object) -> "Comparison":
    """Compare two pictures: a slider over both or side by side, and how they were asked for.

    Args:
        a: An `Image`, the bytes of a file, a path, a Pillow image or an array.
        b: As *a*.

    Raises:
        MediaError: One of them is no picture that we take.
        PromptError: One of them is a job; await it first.
        StorageError: A file cannot be read.
    """
    return Comparison(_picture(a, "first"), _picture(b, "second"))


class Comparison(MountedPanel):
    """Two pictures; the page asks for them in full quality, and keeps nothing of them."""

    _esm = script("compare.js")
    _css = style("compare.css")

    shapes = t.List(t.List(t.Int())).tag(sync=True)
    """Width and height of both in pixels; to the page."""

    names = t.List(t.Unicode()).tag(sync=True)
    """What is heard where they cannot be seen; to the page."""

    note = t.Unicode().tag(sync=True)
    """How different sizes were fitted; to the page."""

    words = t.List(t.List(t.Unicode())).tag(sync=True)
    """The prompts as pairs of `same`, `gone` or `new` and text; empty without any; to the page."""

    facts = t.List(t.List(t.Unicode())).tag(sync=True)
    """Options that differ: name, value of the first, value of the second; to the page."""

    def __init__(self, a: Image, b: Image) -> None:
        """Show *a* at the left and *b* at the right."""
        self._pictures = [a, b]
        super().__init__(**described(a, b))

    def close(self) -> None:
        """Leave the page, and let go of the pictures."""
        self._pictures = []
        super().close()

    def __repr__(self) -> str:
        """One line."""
        sizes = " and ".join(f"{width}×{height}" for width, height in self.shapes)
        return f"<Comparison of {sizes}, {counted(len(self.facts), 'difference')}>"

    def static_html(self) -> str:
        """Both pictures side by side, and what differs."""
        tags = {"same": "span", "gone": "del", "new": "ins"}
        prompt = "".join(
            f"<{tags[how]}>{escape(text)}</{tags[how]}>{' ' if how == 'gone' else ''}"
            for how, text in self.words
        )
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in fact)}</tr>"
            for fact in self.facts
        )
        head = "<tr><th>Option</th><th>A</th><th>B</th></tr>"
        pictures = (
            thumbnail(small(picture, _SIDE) or b"", name, caption=f"{letter} · {measures(picture)}")
            for letter, name, picture in zip("AB", self.names, self._pictures, strict=False)
        )
        table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else ""
        return f"{grid(pictures, _SIDE)}<p>{prompt}</p>{table}"

    def answer(self, content: Any, _buffers: Sequence[Any]) -> None:
        """Send both pictures, or open one."""
        match content:
            case "show" if self._pictures:
                types = [picture.mime_type for picture in self._pictures]
                self.send({"types": types}, buffers=[picture.data for picture in self._pictures])
            case {"open": 0 | 1 as at, "page": str(page)} if self._pictures:
                buttons.Buttons.answer_to(page)
                self.begin(viewer.show(MediaRefs(map(MediaRef, self._pictures)), at))


def described(a: Image, b: Image) -> dict[str, Any]:
    """What a page shows beside two pictures, as the traits of a `Comparison`."""
    return {
        "shapes": [[picture.width, picture.height] for picture in (a, b)],
        "names": [_prompt(a) or "first picture", _prompt(b) or "second picture"],
        "note": _fitted(a, b),
        "words": changes(_prompt(a), _prompt(b)),
        "facts": differences(a, b),
    }


def changes(before: str, after: str) -> list[list[str]]:
    """What became of a text, word by word.

    Returns:
        Pairs of `same`, `gone` or `new` and a part of the text, with the space before it.
    """
    old, new = (_WORD.findall(" ".join(text.split())) for text in (before, after))
    if max(len(old), len(new)) > _LONGEST:
        return [["same", after]] if old == new else [["gone", before], ["new", f" {after}"]]
    was, now = ([word.strip() for word in words] for words in (old, new))
    matcher = difflib.SequenceMatcher(None, was, now, autojunk=False)
    parts: list[list[str]] = []
    for how, start, stop, first, last in matcher.get_opcodes():
        if how == "equal":
            parts.append(["same", "".join(new[first:last])])
            continue
        both = (["gone", "".join(old[start:stop])], ["new", "".join(new[first:last])])
        parts += [part for part in both if part[1]]
    return parts


def differences(a: Image, b: Image) -> list[list[str]]:
    """The options that differ: name, value of *a*, value of *b*."""
    before, after = _options(a), _options(b)
    rows = (
        [name, before.get(name, _NOTHING), after.get(name, _NOTHING)] for name in before | after
    )
    return [row for row in rows if row[1] != row[2]]


def _options(picture: Image) -> dict[str, str]:
    facts: dict[str, object] = {}
    provenance = picture.provenance
    if provenance is not None:
        facts = {"model": provenance.model, "engine": provenance.engine, "seed": provenance.seed}
        facts |= {str(name): value for name, value in provenance.options.items()}
    facts |= {"pixels": measures(picture), "type": picture.mime_type}
    return {name: _text(value) for name, value in facts.items() if value is not None}


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return visible(text, 200)


def _prompt(picture: Image) -> str:
    return visible(picture.provenance.prompt) if picture.provenance else ""


def _fitted(a: Image, b: Image) -> str:
    if (a.width, a.height) == (b.width, b.height):
        return ""
    sizes = f"The first has {a.width}×{a.height} pixels, the second {b.width}×{b.height}"
    if a.width * b.height == b.width * a.height:
        return f"{sizes}; both are shown at one size."
    return f"{sizes}; the slider fits the second into the shape of the first."


def _picture(thing: object, which: str) -> Image:
    if hasattr(thing, "__await__"):
        raise PromptError(f"The {which} is not a picture yet; await the job, then compare.")
    try:
        return Image.of(thing)
    except MediaError as error:
        raise MediaError(f"The {which} cannot be compared: {error}") from error
