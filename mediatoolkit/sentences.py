"""Where a text can be cut without a listener noticing it.

Nothing is lost: the pieces in a row are the text.
"""

import re

# Possessive quantifiers (*+, ++) keep the search linear, whatever the text.
_END = re.compile(
    r"""
    (?<![.!?…]) (?P<stop>[.!?…])[.!?…]*+ ["'”’»)\]]*+ \s++  # closing quotes and space belong to it
    | (?P<wide>[\u3002\uff01\uff1f\uff61])++ [」』”’\uff09)]*+ \s*+  # stops that need no space
    | \n \s*+
    """,
    re.VERBOSE,
)
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_CLAUSE = re.compile(r"[,;:—–、\uff0c\uff1b\uff1a]\s*+")
_LAST_WORD = re.compile(r"[^\s(\[\"'“\u2018«]*$")

_TITLES = "mr mrs ms messrs dr prof st mt gen rep sen gov capt lt col sgt rev hon pres"
_NEVER_LAST = frozenset(
    [*_TITLES.split(), "vs", "cf", "viz", "approx", "e.g", "i.e", "ca", "mio", "mrd"]
)
_MONTHS = "jan feb mar apr jun jul aug sep sept oct nov dec"
_BEFORE_NUMBERS = frozenset(
    [*_MONTHS.split(), "no", "nos", "fig", "figs", "vol", "eq", "sec", "ch", "pp", "p"]
)
# The words above are shorter; the bound keeps the look back short.
_LONGEST_WORD = 20


def sentences(text: str) -> list[str]:
    """Cut after each sentence; the space behind a sentence belongs to it.

    Titles, initials, numbers, a stop before a small letter and the like end nothing. A line ends a
    sentence, unless the next line goes on with a small letter.
    """
    pieces, start = [], 0
    for end in _END.finditer(text):
        if _is_end(text, start, end):
            pieces.append(text[start : end.end()])
            start = end.end()
    return [*pieces, text[start:]] if start < len(text) else pieces


def split(text: str, limit: int) -> list[str]:
    """Cut into as few pieces of up to *limit* characters as sentences allow.

    A sentence over the limit is cut after a clause, else between words; a word is cut only when
    it is over the limit by itself.
    """
    pieces = [""]
    for sentence in sentences(text):
        for part in _shortened(sentence, limit):
            if len(pieces[-1]) + len(part) <= limit:
                pieces[-1] += part
            else:
                pieces.append(part)
    return [piece for piece in pieces if piece]


def _is_end(text: str, start: int, end: re.Match[str]) -> bool:
    after = text[end.end() : end.end() + 1]
    if _BLANK_LINE.search(end[0]) or end["wide"]:
        return True
    if after.islower():
        return False
    return end["stop"] != "." or not _is_short_form(text, start, end.start(), after)


def _is_short_form(text: str, start: int, stop: int, after: str) -> bool:
    """Whether the full stop at *stop* belongs to its word."""
    match = _LAST_WORD.search(text, max(start, stop - _LONGEST_WORD), stop)
    word = match[0] if match else ""
    if word.lower() in _NEVER_LAST:
        return True
    if word.lower() in _BEFORE_NUMBERS and after.isdigit():
        return True
    if word.isdigit() and not text[start : stop - len(word)].strip(" \t\n#>*+-"):
        return True  # the number of an item in a list, or of a head
    return len(word) == 1 and word.isupper() and word != "I"


def _shortened(sentence: str, limit: int) -> list[str]:
    pieces, at = [], 0
    while len(sentence) - at > limit:
        cut = at + _cut(sentence[at : at + limit + 1], limit)
        pieces.append(sentence[at:cut])
        at = cut
    return [*pieces, sentence[at:]]


def _cut(window: str, limit: int) -> int:
    """Return where to cut a window that is one character longer than *limit*."""
    ends = [clause.end() for clause in _CLAUSE.finditer(window)]
    if late_ends := [end for end in ends if limit // 2 < end <= limit]:
        return late_ends[-1]
    for cut in range(limit, 0, -1):
        if window[cut - 1].isspace() or window[cut].isspace() or _stands_alone(window[cut]):
            return cut
    return limit


def _stands_alone(letter: str) -> bool:
    """Whether a letter is of a script that puts no space between words."""
    return "\u3040" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U0003ffff"
