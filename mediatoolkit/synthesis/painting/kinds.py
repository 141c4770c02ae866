"""How large things are and where they belong."""

import unicodedata


def _names(text: str) -> frozenset[str]:
    """Motifs from their names, in which a tilde stands for a space."""
    return frozenset(name.replace("~", " ") for name in text.split())


FLYING = _names(
    """
    BIRD EAGLE BAT BUTTERFLY HONEYBEE AIRPLANE HELICOPTER ROCKET BALLOON KITE DRAGON FAIRY GHOST
    PARACHUTE COMET SATELLITE FLYING~SAUCER DOVE~OF~PEACE SMALL~AIRPLANE RINGED~PLANET @crystal
    LADY~BEETLE FEATHER SHOOTING~STAR GLOWING~STAR @balloonist RAINBOW DRAGON~FACE
    """
)
FLOATING = _names(
    """
    SAILBOAT SHIP CANOE ROWBOAT SPEEDBOAT MOTOR~BOAT FERRY PASSENGER~SHIP DUCK SWAN WHALE
    SPOUTING~WHALE DOLPHIN SHARK SEAL SURFER SWIMMER OTTER MERPERSON CROCODILE HIPPOPOTAMUS
    """
)
SWIMMING = _names(
    """
    FISH TROPICAL~FISH BLOWFISH OCTOPUS SQUID SHARK DOLPHIN WHALE TURTLE CRAB SHRIMP LOBSTER
    CORAL SPIRAL~SHELL JELLYFISH
    """
)
BUSTS = _names("UNICORN~FACE ZEBRA~FACE HORSE~FACE DRAGON~FACE STATUE~OF~LIBERTY")
_LENGTHS = {
    "EUROPEAN CASTLE": 0.58,
    "JAPANESE CASTLE": 0.55,
    "@lighthouse": 0.66,
    "@windmill": 0.58,
    "@tree": 0.6,
    "@pine": 0.6,
    "TOKYO TOWER": 0.66,
    "SAILBOAT": 0.46,
    "SHIP": 0.5,
    "SPOUTING WHALE": 0.56,
    "WHALE": 0.52,
    "DRAGON": 0.52,
    "ELEPHANT": 0.52,
    "GIRAFFE FACE": 0.6,
    "SAUROPOD": 0.6,
    "T-REX": 0.58,
    "@fox": 0.46,
    "OWL": 0.34,
    "BUTTERFLY": 0.26,
    "HONEYBEE": 0.2,
    "MOUSE": 0.22,
    "SNAIL": 0.22,
    "BALLOON": 0.4,
    "@balloonist": 0.48,
    "AIRPLANE": 0.42,
    "ROCKET": 0.5,
    "@girl": 0.52,
    "@boy": 0.52,
    "@woman": 0.54,
    "@man": 0.54,
    "@astronaut": 0.54,
    "@robot": 0.54,
    "@wizard": 0.6,
    "@rock": 0.62,
    "PALM TREE": 0.6,
    "DECIDUOUS TREE": 0.58,
    "EVERGREEN TREE": 0.58,
    "@bowl": 0.56,
    "HOT BEVERAGE": 0.5,
    "HOUSE BUILDING": 0.6,
    "HOUSE WITH GARDEN": 0.62,
    "BIRD": 0.26,
    "BAT": 0.24,
    "EAGLE": 0.36,
    "DOVE OF PEACE": 0.26,
    "CAT": 0.36,
    "DOG": 0.36,
    "RABBIT": 0.3,
    "CHAIR": 0.4,
}


def length(motif: str) -> float:
    """Longest side of a single motif as a share of the picture's shorter side."""
    if motif in _LENGTHS:
        return _LENGTHS[motif]
    code = _code(motif)
    if 0x1F3E0 <= code <= 0x1F3F0 or code in {0x26EA, 0x1F54C}:
        return 0.5
    if 0x1F680 <= code <= 0x1F6FF:
        return 0.44
    if is_small(motif):
        return 0.46
    return 0.42


def _code(motif: str) -> int:
    return 0 if motif.startswith("@") else ord(unicodedata.lookup(motif))


def flies(motif: str) -> bool:
    """Whether it belongs in the air."""
    return motif in FLYING


def floats(motif: str) -> bool:
    """Whether it belongs on water."""
    return motif in FLOATING


def is_vessel(motif: str) -> bool:
    """Whether it is a boat or ship: it floats high and stays far out."""
    return motif in {"SAILBOAT", "SHIP", "FERRY", "PASSENGER SHIP"}


def sinking(motif: str) -> float:
    """Share of its height that lies under water when it floats."""
    if motif == "DUCK" or "WHALE" in motif or swims(motif):
        return 0.2
    return 0.06


def needs_sea(motif: str) -> bool:
    """Whether it makes no sense without the sea."""
    return floats(motif) or motif in {"@lighthouse", "ANCHOR"}


def swims(motif: str) -> bool:
    """Whether it belongs under water."""
    return motif in SWIMMING


def is_bust(motif: str) -> bool:
    """Whether the glyph ends at the neck and must rise from the lower edge."""
    return motif in BUSTS or is_face(motif)


def is_small(motif: str) -> bool:
    """Whether it is a thing to put on a table: food, crockery, toys, tools."""
    code = _code(motif)
    if motif in {"@bowl", "@cherries", "HOT BEVERAGE", "TEACUP WITHOUT HANDLE"}:
        return True
    plants = {0x1F332, 0x1F333, 0x1F334, 0x1F335, 0x1F33B, 0x1F344, 0x1F384}
    if code in plants:
        return False
    return (
        0x1F32D <= code <= 0x1F393
        or 0x1F600 <= code <= 0x1F64F
        or 0x1F3B7 <= code <= 0x1F3BB
        or 0x1F4A1 <= code <= 0x1F529
        or 0x1F950 <= code <= 0x1F96F
        or 0x1F9C0 <= code <= 0x1F9CB
        or 0x1FA9B <= code <= 0x1FAD9
        or code in {0x1F56F, 0x1F9F8, 0x1FAB4, 0x1F58C, 0x1F5DD, 0x231A, 0x2328, 0x1F52D}
    )


def is_face(motif: str) -> bool:
    """Whether the glyph is a person's or smiling face without a body."""
    code = _code(motif)
    return (
        0x1F466 <= code <= 0x1F469
        or 0x1F46E <= code <= 0x1F478
        or 0x1F600 <= code <= 0x1F64F
        or 0x1F910 <= code <= 0x1F92F
        or 0x1F970 <= code <= 0x1F97A
        or 0x1F9D1 <= code <= 0x1F9DD
    )
