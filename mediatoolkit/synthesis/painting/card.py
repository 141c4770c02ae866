"""The title card: the words of a prompt in good type, where nothing of it can be painted."""

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Ink, smooth
from mediatoolkit.synthesis.painting.lettering import Rectangle, print_words, rounded, sizes
from mediatoolkit.synthesis.painting.palettes import COLOURS, PAPER, lightness, mix
from mediatoolkit.synthesis.painting.scene import PictureScene
from mediatoolkit.synthesis.painting.setting import SceneView, Step
from mediatoolkit.synthesis.painting.typesetting import set_in_type


def is_card(scene: PictureScene) -> bool:
    """Whether a picture of a scene would show nothing that was asked for."""
    return not scene.has_subject and bool(scene.unknown or scene.lettering)


def _colours(scene: PictureScene) -> list[str]:
    """The first two colours of the prompt, also those of things that are not there."""
    written = (word.written.lower() for word in scene.words)
    return [word for word in dict.fromkeys(written) if word in COLOURS][:2]


class TitleCard:
    """A card with words, centred in a thin frame, or from the left under a short rule.

    Args:
        view: What the prompt says of style, mood and colours.
        text: The words.

    Attributes:
        framed: Whether there is a frame; the seed decides.
        words: The words as they are set.
        colours: Names of up to two colours: of letters and frame, and of the ground.
    """

    def __init__(self, view: SceneView, text: str) -> None:
        """Set the words."""
        canvas, unit = view.canvas, view.unit
        rng = view.rng("card")
        self._view, self.framed = view, bool(rng.random() < 0.5)
        self.colours = _colours(view.scene)
        self.words = set_in_type(
            text,
            (canvas.width * 0.74, canvas.height * 0.6),
            sizes(unit, 0.17),
            left=not self.framed,
            crisp=view.scene.style == "pixel",
        )
        self._ground, self._accent = self._inks(deep=bool(rng.random() < 0.5))

    def shows(self, word: str) -> bool:
        """Whether a word of the prompt is a colour that is to be seen."""
        return word.lower() in self.colours and not self._is_flat

    def ground(self) -> list[Step]:
        """Print all but the words."""
        return [("card", self._print_ground), ("frame", self._print_ornament)]

    def print_words(self) -> None:
        """Print the words, after the finish."""
        scene = self._view.scene
        named = self.colours[0] if len(self.colours) > 1 else ""
        print_words(self._view.canvas, self.words, self._middle, scene.lettering_colour or named)

    @property
    def _middle(self) -> tuple[float, float]:
        canvas, width = self._view.canvas, self.words.mask.shape[1]
        x = canvas.width / 2 if self.framed else canvas.width * 0.13 + width / 2
        return x, canvas.height * 0.49

    def _inks(self, *, deep: bool) -> tuple[Ink, Ink]:
        scene, inks = self._view.scene, self._view.inks
        # A flat ground is cut away wholly or not at all: the linocut's is dark, the ink's pale.
        deep = (deep or scene.style == "linocut") and scene.style not in {"ink", "watercolour"}
        pale = mix(inks.low, PAPER, 0.2 if scene.style == "watercolour" else 0.6)
        base = mix(inks.near, inks.line, 0.4) if deep else pale
        named = [COLOURS[colour] for colour in self.colours]
        if named and not self._is_flat:
            base = named[-1]
        if named and (self._is_flat or len(named) > 1):
            return base, named[0]
        return base, inks.disc if lightness(base) < 0.5 else mix(inks.disc, inks.line, 0.35)

    @property
    def _is_flat(self) -> bool:
        """Whether the style leaves no colour to the ground."""
        return self._view.scene.style in {"linocut", "ink"}

    def _print_ground(self) -> None:
        canvas, base = self._view.canvas, self._ground
        canvas.lay(base, lambda band: np.ones_like(band.grain))
        if self._view.scene.style == "linocut":
            return
        dark = lightness(base) < 0.65
        far = mix(base, self._view.inks.line if dark else self._view.inks.low, 0.3)
        high = canvas.height
        canvas.lay(far, lambda band: band.stipple(0.8 * smooth(0.45, 1.1, band.y / high)))

    def _print_ornament(self) -> None:
        canvas, unit = self._view.canvas, self._view.unit
        if self.framed:
            sheet = Rectangle(0, 0, canvas.width, canvas.height)
            thin = max(1.0, unit * 0.006)
            outer, inner = sheet.inset(unit * 0.07), sheet.inset(unit * 0.07 + thin)
            canvas.lay(self._accent, lambda b: rounded(outer, 0)(b) - rounded(inner, 0)(b))
            return
        x, y = canvas.width * 0.13, self._middle[1] - len(self.words.mask) / 2 - unit * 0.07
        rule = Rectangle(x, y - max(1.0, unit * 0.007), x + unit * 0.14, y + max(1.0, unit * 0.007))
        canvas.lay(self._accent, rounded(rule, 0), rule.top - 1, rule.bottom + 1)
