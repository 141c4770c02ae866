"""What a prompt asks for: a scene, its things, and what each word has to do with them."""

from dataclasses import dataclass, field

_SUBJECTS = frozenset({"thing", "place", "surface", "weather", "season", "time"})
_PALETTES = frozenset(
    {"dark", "pastel", "neon", "gloomy", "magic", "magical", "fantasy", "surreal", "cyberpunk"}
)
"""Words of time and season that are mostly said of colours, as in "a dark logo"."""


@dataclass(frozen=True)
class Thing:
    """Something to draw.

    Attributes:
        motif: Name of a glyph or figure.
        count: How many, 1 to 9.
        counted: Whether the prompt says how many.
        colour: Name of its colour, or an empty string.
        size: Factor on the usual size.
        relation: Preposition that ties it to `anchor`, or an empty string.
        anchor: Index of another thing, name of a surface or place, or None.
        flying: Whether the prompt puts it in the air.
    """

    motif: str
    count: int = 1
    counted: bool = False
    colour: str = ""
    size: float = 1.0
    relation: str = ""
    anchor: int | str | None = None
    flying: bool = False


@dataclass(frozen=True)
class Word:
    """What one word of a prompt asks for.

    Attributes:
        written: The word as it was written.
        kind: `thing`, `count`, `crowd` for a number that does not matter, `colour`, `size`, `pose`,
            `relation`, `tint` of a place, `mood` for a colour of the whole, a kind of `SETTINGS`,
            or empty where the painter has nothing.
        meaning: Which colour, place, relation and so on.
        thing: Index of the thing that it is about, or None.
        anchor: What a relation ties that thing to: an index, the name of a place, or None.
    """

    written: str
    kind: str = ""
    meaning: str = ""
    thing: int | None = None
    anchor: int | str | None = None


@dataclass(frozen=True)
class PictureScene:
    """What a prompt asks for; every field may be empty.

    Attributes:
        words: What each word asks for, without those that ask for nothing one can see.
        lettering: Lines of words that are lettered into the picture.
        lettering_colour: Name of the colour of these letters.
        sign: Name of the colour of the sign board that bears them, an empty string where that is
            open, None where there is no board.
    """

    time: str = ""
    season: str = ""
    style: str = ""
    form: str = ""
    surface: str = ""
    places: tuple[str, ...] = ()
    weather: frozenset[str] = frozenset()
    things: tuple[Thing, ...] = ()
    tints: dict[str, str] = field(default_factory=dict)
    colours: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    lettering: str = ""
    lettering_colour: str = ""
    sign: str | None = None

    @property
    def has_subject(self) -> bool:
        """Whether anything is to be shown that the painter knows, not merely a colour or style."""
        shown = any(
            word.kind in _SUBJECTS and word.written.lower() not in _PALETTES for word in self.words
        )
        return shown or self.form == "abstract" or self.sign is not None

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words that the painter does not know."""
        return tuple(word.written for word in self.words if not word.kind)
