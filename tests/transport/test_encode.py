import base64
import json
from typing import Any

import pytest

from mediatoolkit.errors import PromptError
from mediatoolkit.transport import encode as module
from mediatoolkit.transport.encode import encode


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000])
async def test_bytes_travel_as_standard_base64(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]

    sent = json.loads(await encode({"a": [{"data": data}, "é", bytearray(b"x")], "b": data}))

    assert base64.b64decode(sent["a"][0]["data"], validate=True) == data
    assert sent["a"][1:] == ["é", "eA=="]
    assert base64.b64decode(sent["b"]) == data


async def test_the_standard_library_encodes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"data": bytes(range(256)) * 2000, "text": "fox"}
    expected = await encode(document)

    monkeypatch.setattr(module, "pybase64", None)

    assert await encode(document) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object(), 1j])
async def test_a_value_without_json_is_refused_before_sending(value: Any) -> None:
    with pytest.raises(PromptError, match="JSON") as caught:
        await encode({"a": value})

    assert caught.value.__context__ is None


async def test_a_document_in_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["a"] = loop

    with pytest.raises(PromptError):
        await encode(loop)
