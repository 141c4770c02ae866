"""How large things are and where they belong, from `object_traits.toml`."""

import unicodedata

from mediatoolkit.synthesis.tables import Tables, load


def _blocks(tables: Tables) -> dict[str, tuple[range, ...]]:
    """Ranges of characters by what they show."""
    blocks = {}
    for name, entries in tables.section("blocks").items():
        pairs = [entry if isinstance(entry, list) else [entry, entry] for entry in entries]
        if not all(map(_is_block, pairs)):
            raise tables.wrong(f"[blocks] {name}", "has more than characters and pairs of them")
        blocks[name] = tuple(range(first, last + 1) for first, last in pairs)
    return blocks


def _is_block(pair: list[object]) -> bool:
    first, last = pair if len(pair) == 2 else (None, None)
    return isinstance(first, int) and isinstance(last, int) and first <= last


_TABLES = load(__package__, "object_traits.toml")
_BLOCKS = _blocks(_TABLES)
_LENGTHS = _TABLES.numbers("lengths")
_SEATS, _SHELTERS = _TABLES.numbers("seats"), _TABLES.numbers("shelters")
SETS = ("flying", "floating", "swimming", "vessels", "busts", "small", "holding", "several")
_FLYING, _FLOATING, _SWIMMING, _VESSELS, _BUSTS, _SMALL, _HOLDING, _SEVERAL = (
    frozenset(_TABLES.words(name)) for name in SETS
)
FACES = {
    **dict.fromkeys(_TABLES.words("faces_with_tail"), True),
    **dict.fromkeys(_TABLES.words("faces_without_tail"), False),
}
"""Glyphs that are only an animal's face, and whether the animal has a tail to show."""


def shows(motif: str, what: str) -> bool:
    """Whether the motif's character is in one of the blocks of that name."""
    code = 0 if motif.startswith("@") else ord(unicodedata.lookup(motif))
    return any(code in block for block in _BLOCKS[what])


def length(motif: str) -> float:
    """Longest side of a single motif as a share of the picture's shorter side."""
    if motif in _LENGTHS:
        return _LENGTHS[motif]
    if shows(motif, "buildings"):
        return 0.5
    if shows(motif, "vehicles"):
        return 0.44
    return 0.46 if is_small(motif) else 0.42


def flies(motif: str) -> bool:
    """Whether it belongs in the air."""
    return motif in _FLYING


def floats(motif: str) -> bool:
    """Whether it belongs on water."""
    return motif in _FLOATING


def is_vessel(motif: str) -> bool:
    """Whether it is a boat or ship: it floats high and stays far out."""
    return motif in _VESSELS


def holds(motif: str) -> bool:
    """Whether other things can be put into it; boats take them aboard."""
    boat = motif in _VESSELS or (motif in _FLOATING and shows(motif, "vehicles"))
    return boat or motif in _HOLDING


def shows_several(motif: str) -> bool:
    """Whether one motif shows more than one of what it is named after."""
    return motif in _SEVERAL


def seat(motif: str) -> float:
    """How high others sit or stand on it, as a share of its height."""
    return _SEATS.get(motif, 0.96)


def shelters(motif: str) -> float:
    """How much room there is to stand under it, as a share of its height, or 0."""
    return _SHELTERS.get(motif, 0.0)


def sits(motif: str) -> bool:
    """Whether it is an animal that is drawn sitting."""
    return motif == "@fox" or motif in FACES


def sinking(motif: str) -> float:
    """Share of its height that lies under water when it floats."""
    return 0.2 if motif == "DUCK" or "WHALE" in motif or swims(motif) else 0.06


def needs_sea(motif: str) -> bool:
    """Whether it makes no sense without the sea."""
    return floats(motif) or motif in {"@lighthouse", "ANCHOR"}


def swims(motif: str) -> bool:
    """Whether it belongs under water."""
    return motif in _SWIMMING


def is_bust(motif: str) -> bool:
    """Whether the glyph ends at the neck and must rise from the lower edge."""
    return motif in _BUSTS or is_face(motif)


def is_small(motif: str) -> bool:
    """Whether it is a thing to put on a table: food, crockery, toys, tools."""
    return motif in _SMALL or (shows(motif, "small") and not shows(motif, "plants"))


def is_face(motif: str) -> bool:
    """Whether the glyph is a person's or smiling face without a body."""
    return shows(motif, "faces")


def is_person(motif: str) -> bool:
    """Whether a face has a skin, and not the yellow of a smiley."""
    return not shows(motif, "smileys")


def is_animal(motif: str) -> bool:
    """Whether it has a fur or a hide."""
    return shows(motif, "animals")


def has_windows(motif: str) -> bool:
    """Whether small fields of the glyph are windows, which are lit at night."""
    return shows(motif, "with_windows")
