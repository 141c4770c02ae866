"""The words of a prompt that are to be lettered into the picture, and what bears them."""

# ruff: noqa: RUF001 - quotation marks are what this is about

import re
from typing import NamedTuple

from mediatoolkit.synthesis.painting.palettes import COLOURS

_LONGEST = 10_000
"""How many characters of a very long prompt are read."""
_NEAR = 80
"""In how many characters before a quotation the words that introduce it stand."""

_SIGN = (
    "sign|signboard|signpost|billboard|placard|plaque|notice|noticeboard|chalkboard|blackboard"
    "|whiteboard|board"
)
_TEXT = (
    "text|words?|title|caption|label|inscription|slogan|message|letters|lettering|heading|headline"
    "|banner"
)
_BEARER = f"{_SIGN}|{_TEXT}|poster|card|shirt|flag|screen|cover|door|ticket|logo|mug|cake"
_CALLED = "titled|entitled|captioned|labell?ed"
_OTHER_WORDS = r"(?!(?:is|are|on|of|in|an?|the|his|her|their|to|from|about|books?)\b)"

QUOTED = re.compile(
    r"""
    (?<!\d)"([^"]*)"  # after a digit it stands for inches
    | [“”]([^“”]+)[“”] | „([^“”„]+)[“”] | «([^«»]+)» | »([^«»]+)« | ‹([^‹›]+)› | 「([^「」]+)」
    | (?<!\w)‘([^\n]{1,500}?)’(?!\w)
    | (?<!\w)'(?!n'|\d\ds\b|\s)([^\n]{1,500}?)(?<!\s)'(?!\w)
    """,
    re.VERBOSE,
)
"""A quotation; an apostrophe and inches make none."""
_BEFORE_QUOTES = re.compile(
    rf"""
    (?:\b(?:with|and|bearing|showing|featuring|has|having)\s+)?
    (?:\b(?:an?|the|its)\s+)? (?:\b(?:{_TEXT})\s*)? (?:\b(?:that|which|who|it)\s+)?
    (?:\b(?:says?|said|saying|reads?|reading|spell(?:s|ing)?|called|named|is|are|{_CALLED})\s*)?
    [:,=]?\s*$
    """,
    re.VERBOSE | re.IGNORECASE,
)
_AFTER_QUOTES = re.compile(
    r"""
    (?:\s+(?:written|printed|inscribed|painted))? (?:\s+(?:on|across)\s+(?:it|top)\b)?
    (?:\s+in\s+(?P<manner>(?:[\w-]+\s+){0,3})(?:letters|lettering|type|text|writing)\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_UNQUOTED = re.compile(
    rf"""
    (?P<bearer>\b(?P<text>(?:an?\s+|the\s+)?(?:{_TEXT})\s+)|\b(?:{_BEARER})\s+)?
    (?P<lead>
        (?:\b(?:that|which|who|it)\s+)? \b(?:says|saying|{_CALLED})[:,]?\s+
        | \b(?:that|which)\s+reads:?\s+ {_OTHER_WORDS}
        | (?P<reads>\b(?:reads|reading):?\s+)
        | \b(?:with\s+)?the\s+(?:text|words?):?\s+ {_OTHER_WORDS}
        | \bwith\s+(?:the|a)\s+(?:title|caption|label):?\s+ {_OTHER_WORDS}
        | \b(?:text|words|title|caption|label):\s+
    )
    (?P<words>\S.*)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CAPITALS = re.compile(r"(?=[^a-z\s]*[A-Z\d][^a-z\s])[^a-z\s]+(?:\s+[^a-z\s]+)*(?![a-z])")
_PHRASE = re.compile(
    r"""
    .+? (?= [,;\n] | [.](?:\s|$) | $
    | \s+(?:in|on|at|under|behind|beside|above|over|near|next\sto|against|with|during)\s(?![A-Z]))
    """,
    re.VERBOSE,
)
_ON_A_SIGN = re.compile(rf"\b(?:(\w+)\s+)?(?P<sign>{_SIGN})\b", re.IGNORECASE)

_PLAIN = frozenset({"big", "large", "bold", "capital", "block"})


class Inscription(NamedTuple):
    """What a prompt wants to be lettered.

    Attributes:
        words: Lines of it, or an empty string.
        colour: Name of the letters' colour, or an empty string.
        sign: Name of the colour of the sign board that bears it, an empty string where that is
            open, None where there is no such board.
        rest: The prompt without all this.
    """

    words: str
    colour: str
    sign: str | None
    rest: str


def find(prompt: str) -> Inscription:
    """Find what stands in quotes, and what follows "that says" and the like.

    Where words stand without quotes, capitals end with the first word that has none, and others
    at a comma or before "in", "on" and their kind.
    """
    lines: list[str] = []

    def take(match: re.Match[str]) -> str:
        lines.append(next(filter(None, match.groups()), ""))
        return "\0"

    rest, *parts = QUOTED.sub(take, prompt[:_LONGEST]).split("\0")
    manner: list[str] = []
    for part in parts:
        after = _AFTER_QUOTES.match(part)
        manner += (after["manner"] or "").lower().split() if after else ()
        lead = _BEFORE_QUOTES.sub(" ", rest[-_NEAR:])
        rest = f"{rest[:-_NEAR]}{lead} {part[after.end() if after else 0 :]}"
    if match := _unquoted(rest):
        phrase = _CAPITALS.match(match["words"]) or _PHRASE.match(match["words"])
        line = phrase[0] if phrase else match["words"]
        lines.append(line.rstrip(" ,;."))
        start = match.start("text" if match["text"] else "lead")
        rest = f"{rest[:start]} {rest[match.start('words') + len(line) :]}"
    words = "\n".join(" ".join(line.split()) for line in lines).strip()
    colour = next((word for word in manner if word in COLOURS), "")
    unseen = " ".join(word for word in manner if word not in COLOURS and word not in _PLAIN)
    return Inscription(words, colour, *_sign_of(f"{rest} {unseen}" if unseen else rest, words))


def _unquoted(text: str) -> re.Match[str] | None:
    """Where unquoted words begin; "a girl reads books" has none."""
    match = _UNQUOTED.search(text)
    if match and match["reads"] and not match["bearer"] and not _CAPITALS.match(match["words"]):
        return None
    return match


def _sign_of(text: str, words: str) -> tuple[str | None, str]:
    """The colour of the sign board that bears words, and the text without it."""
    match = _ON_A_SIGN.search(text) if words else None
    if not match:
        return None, text
    before = (match[1] or "").lower()
    colour = before if before in COLOURS else ""
    start = match.start() if colour else match.start("sign")
    return colour, f"{text[:start]} {text[match.end() :]}"
