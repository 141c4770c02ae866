"""Text without its markup: Markdown, HTML and SSML as people paste them."""

import re
from html import unescape

_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*+"""
BREAK = re.compile(rf"<break({_ATTRIBUTES})\s*/?>(?:\s*</break>)?\s*", re.IGNORECASE)
"""A pause that is asked for, and the space after it."""

_TAG = re.compile(rf"</?([a-z][\w:-]*){_ATTRIBUTES}\s*/?>", re.IGNORECASE)
_UNSEEN = re.compile(r"<!--.*?-->|<\?[^<>]*\?>|<!doctype[^<>]*>", re.IGNORECASE | re.DOTALL)
_ALIAS = re.compile(r"<sub\s+alias\s*=\s*[\"']([^\"'<>]*)[\"']\s*>[^<>]*</sub>", re.IGNORECASE)
_RAISED = re.compile(r"<sup>\s*([+\-\u2212]?\d+)\s*</sup>", re.IGNORECASE)
_TIME = re.compile(
    r"\btime\s*=\s*[\"']\s*\+?(\d{0,5}(?:\.\d{1,3})?)\s*(m?s)\s*[\"']", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)

_HTML = """
a abbr article b big blockquote body br button center cite code dd del details div dl dt em
figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hr html i ins kbd li main mark nav ol p
pre q s section small span strike strong sub summary sup table tbody td tfoot th thead title tr tt
u ul
"""
_SSML = "emphasis lang paragraph phoneme prosody say-as sentence speak token voice w"
_TAGS = frozenset([*_HTML.split(), *_SSML.split()])
"""Tags around words that are said all the same; any other stands for something."""

# The order counts: fences before ticks, pictures before links, lines before what stands in them.
_MARKDOWN = tuple(
    (re.compile(pattern, re.MULTILINE), spoken)
    for pattern, spoken in (
        (r"^[ \t]*(?:```|~~~).*$", ""),
        (r"^[ \t]*(?:[-*_=][ \t]*){3,}$", ""),  # a rule, or what underlines a head
        (r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$", ""),
        (r"^[ \t]*(?:>(?!\d)[ \t]?)+", ""),
        (r"^[ \t]*#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", r"\1"),
        (r"^[ \t]*[-*+•][ \t]+", ""),
        (r"^[ \t]*(\d{1,3}[.)][ \t]+)?\[[ xX]\][ \t]+", r"\1"),
        (r"^[ \t]*\|(.*?)\|?[ \t]*$", r"\1"),
        (r"[ \t]+\|[ \t]+", ", "),
        (r"!\[([^\[\]]*)\]\([^()\s]*(?:[ \t]+[\"'][^\"']*[\"'])?\)", r"\1"),
        (r"\[([^\[\]]+)\]\((?:[^()\s]|\([^()\s]*\))*(?:[ \t]+[\"'][^\"']*[\"'])?\)", r"\1"),
        (r"\[\^\w+\]", ""),
        (r"(?<!\w)\[([^\[\]]+)\]\[[^\[\]]*\]", r"\1"),
        (r"<((?:https?://|mailto:)[^<>\s]+)>", r"\1"),
        (r"`+([^`]*)`+", r"\1"),
        (r"(?<![\w*])(\*{1,3})(?=[^\s*])(.+?)(?<=[^\s*])\1(?![\w*])", r"\2"),
        (r"(?<!\w)(_{1,3})(?=[^\s_])(.+?)(?<=[^\s_])\1(?!\w)", r"\2"),
        (r"~~(?=\S)(.+?)(?<=\S)~~", r"\1"),
        (
            r"(?<![\w\\])(?:\*+|_+)(?=[^\s*_])|(?<=[^\s*_\\])(?:\*+|_+)(?!\w)|`+|~~",
            "",
        ),  # half of a pair
        (r"\\([\\`*_{}\[\]()#+\-.!|<>~])", r"\1"),
    )
)


def without_markup(text: str, left_out: list[str]) -> str:
    """The part of *text* that is to be said; tags that stand for something go to *left_out*."""

    def bare(tag: re.Match[str]) -> str:
        if tag[1].lower() not in _TAGS:
            left_out.append(tag[0])
        return " "

    for pattern, spoken in _MARKDOWN:
        text = pattern.sub(spoken, text)
    for _ in range(2):  # `&amp;amp;` was written by a program on top of another
        text = _ENTITY.sub(lambda entity: unescape(entity[0]), text)
    if "<" in text:
        text = _ALIAS.sub(r"\1", _UNSEEN.sub(" ", text))
        text = _TAG.sub(bare, _RAISED.sub(r"^\1", text))
    return text


def pause_of(attributes: str, usual: float, longest: float = 10.0) -> float:
    """Seconds that a `<break …>` asks for; *usual* where it names no time."""
    time = _TIME.search(attributes)
    if time is None or not time[1].strip("."):
        return usual
    return min(longest, float(time[1]) / (1000 if time[2].lower() == "ms" else 1))
