import base64
import email.message
import json
from typing import Any

import pytest

from mediatoolkit.errors import PromptError
from mediatoolkit.transport import DataURL, FilePart, Json, Multipart
from mediatoolkit.transport import encode as module


async def encode(document: dict[str, Any]) -> bytes:
    return (await Json(document).encoded()).content


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


async def test_a_data_url_has_its_head_before_the_base64() -> None:
    data = bytes(range(256)) * 500

    document = json.loads(await encode({"a": [DataURL("image/png", data), b"x"], "b": "fox"}))

    head, _, text = document["a"][0].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(text, validate=True) == data
    assert document["a"][1] == "eA=="


def parts_of(body: bytes, content_type: str) -> list[email.message.Message]:
    """The parts of a form, read by the standard library."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    return email.message_from_bytes(head + body).get_payload()  # type: ignore[return-value]


@pytest.mark.parametrize("size", [9, 300_000])
async def test_a_form_holds_its_fields_before_its_files(size: int) -> None:
    pixels = bytes(range(256)) * (size // 256 + 1)
    form = Multipart(
        [("prompt", "a f\u00f6x\nat night"), ("tags[]", "a"), ("tags[]", "b")],
        [
            FilePart("image[]", "fox.png", "image/png", pixels),
            FilePart("image[]", 'a "b"\r\nc.webp', "image/webp", b"RIFF"),
        ],
    )

    parts = parts_of(*await form.encoded())

    assert [part.get_param("name", header="content-disposition") for part in parts] == [
        "prompt",
        "tags[]",
        "tags[]",
        "image[]",
        "image[]",
    ]
    assert parts[0].get_payload(decode=True) == "a f\u00f6x\nat night".encode()
    assert [part["content-type"] for part in parts] == [None, None, None, "image/png", "image/webp"]
    assert parts[3].get_payload(decode=True) == pixels
    assert [part.get_filename() for part in parts[3:]] == ["fox.png", "a %22b%22%0D%0Ac.webp"]


async def test_a_form_may_have_no_part() -> None:
    body, content_type = await Multipart({}).encoded()

    boundary = content_type.partition("boundary=")[2]
    assert body == f"--{boundary}--\r\n".encode()
