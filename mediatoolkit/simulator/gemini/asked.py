"""What a `generateContent` request asks of a picture model, after strict validation."""

from dataclasses import dataclass
from typing import Any

from mediatoolkit.simulator.gemini.models import CLASSIC_ASPECTS, LONG_ASPECTS, Model, ratio
from mediatoolkit.simulator.gemini.request import bad, check_modalities, parse, pictures, words
from mediatoolkit.simulator.gemini.schema import InvalidError


@dataclass(frozen=True, slots=True)
class Asked:
    """One valid request.

    Attributes:
        contents: Turns with camelCase keys and decoded bytes.
        text: What the last turn says.
        aspect: Asked width over height, None to follow the reference picture.
        size: `"512"`, `"1K"`, `"2K"` or `"4K"`.
        tokens: What one picture of that size costs.
        seed: 0 when none was given, so that the same request gives the same picture.
        pictures: Whether a picture is wanted at all.
        thoughts: Whether thoughts are to be shown.
        token: What asks for the rest of an answer, or empty.
    """

    contents: list[dict[str, Any]]
    text: str
    aspect: float | None
    size: str
    tokens: int
    seed: int
    pictures: bool
    thoughts: bool
    token: bytes

    @property
    def references(self) -> tuple[bytes, ...]:
        """Pictures of the last turn, else the newest one of the turns before."""
        for turn in reversed(self.contents):
            found = [part["inlineData"]["data"] for part in pictures(turn)]
            if found:
                return tuple(found if turn is self.contents[-1] else found[-1:])
        return ()

    def price(self, _part: dict[str, Any]) -> int:
        """Tokens that a picture of the answer costs."""
        return self.tokens


def read(body: Any, model: Model) -> Asked:
    """Validate *body* for *model*.

    Raises:
        InvalidError: The service would refuse it.
    """
    request = parse(body)
    contents = request["contents"]
    config = request.get("generationConfig", {})
    image = config.get("imageConfig", {})
    modalities = config.get("responseModalities", ["TEXT", "IMAGE"])
    check_modalities(modalities, model.id, ("IMAGE", "TEXT"))
    check_image(
        model, image.get("aspectRatio"), image.get("imageSize"), "generation_config.image_config"
    )
    if "speechConfig" in config:
        path = "generation_config.speech_config"
        raise InvalidError(f"models/{model.id} does not speak.", path)
    size = image.get("imageSize", "1K")
    return Asked(
        contents=contents,
        text=words(contents[-1]),
        aspect=ratio(image["aspectRatio"]) if "aspectRatio" in image else None,
        size=size,
        tokens=model.tokens[size],
        seed=config.get("seed", 0),
        pictures="IMAGE" in modalities,
        thoughts=config.get("thinkingConfig", {}).get("includeThoughts", False),
        token=request.get("continuationToken", b""),
    )


def check_image(model: Model, aspect: str | None, size: str | None, path: str) -> None:
    """Whether *model* draws that format.

    Raises:
        InvalidError: It does not.
    """
    if aspect is not None and aspect not in model.aspects:
        known = "supported by this model" if aspect in CLASSIC_ASPECTS + LONG_ASPECTS else "known"
        choice = ", ".join(model.aspects)
        raise bad(f"{path}.aspect_ratio", f'"{aspect}" is not {known}. Use one of {choice}.')
    if size is not None and size not in model.tokens:
        choice = ", ".join(model.tokens)
        raise bad(f"{path}.image_size", f'"{size}" is not supported. Use one of {choice}.')
