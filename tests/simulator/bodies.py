"""Requests and answers as the tests write and read them."""

import base64
import io
from typing import Any

from PIL import Image

MODEL = "gemini-3.1-flash-image"


def png(color: str = "teal", size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    """A small plain picture."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def asking(*parts: dict[str, Any], **config: Any) -> dict[str, Any]:
    """A request body of one turn."""
    body: dict[str, Any] = {"contents": [{"role": "user", "parts": list(parts)}]}
    return body | ({"generationConfig": config} if config else {})


FOX = asking({"text": "a red fox"})


def parts_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = answer["candidates"][0]["content"]["parts"]
    return parts


def picture_of(answer: dict[str, Any]) -> Image.Image:
    """The result picture of an answer, decoded."""
    parts = [part for part in parts_of(answer) if "inlineData" in part and "thought" not in part]
    assert len(parts) == 1
    picture = Image.open(io.BytesIO(base64.b64decode(parts[0]["inlineData"]["data"])))
    picture.load()
    return picture


def path(model: str = MODEL, verb: str = "generateContent", version: str = "v1") -> str:
    return f"/{version}/models/{model}:{verb}"
