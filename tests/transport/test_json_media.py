import base64
import binascii
import functools
import json
import random
import tracemalloc
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.errors import MediaError, ProviderError, TooLargeError
from mediatoolkit.transport import json_media as module
from mediatoolkit.transport.json_media import MediaScanner, decode_media, parse_json


async def scan(body: bytes, size: int = 1 << 30) -> tuple[Any, dict[str, bytes]]:
    scanner = MediaScanner(("data",))
    for at in range(0, len(body), size):
        scanner.feed(body[at : at + size])
    return await scanner.finish()


def document(*media: str, text: str = "hello") -> bytes:
    parts = [{"text": text}, *({"data": each} for each in media)]
    return json.dumps({"parts": parts}, ensure_ascii=False).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@given(
    media=st.lists(st.binary(max_size=2000), max_size=3),
    text=st.text(max_size=200).filter(lambda t: not any(0xD800 <= ord(c) < 0xE000 for c in t)),
    size=st.integers(1, 400),
)
async def test_media_comes_out_the_same_however_the_body_is_cut(
    media: list[bytes], text: str, size: int
) -> None:
    found, blobs = await scan(document(*map(b64, media), text=text), size)

    assert found["parts"][0] == {"text": text}
    assert [blobs[part["data"]] for part in found["parts"][1:]] == media


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 10_000])
@pytest.mark.parametrize(
    "write",
    [
        lambda text: text,
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: text.replace("/", "\\/"),
        lambda text: text.replace("=", "\\u003d").replace("+", "\\u002B").replace("/", "\\u002f"),
    ],
    ids=["standard", "url-safe", "escaped slash", "escaped code points"],
)
async def test_both_alphabets_and_json_escapes_are_read(size: int, write: Any) -> None:
    data = random.Random(7).randbytes(1000)  # noqa: S311 - any bytes do
    body = b'{"a": 1, "data" :\n "' + write(b64(data)).encode() + b'", "b": 2}'

    found, blobs = await scan(body, size)

    assert (found["a"], found["b"]) == (1, 2)
    assert blobs[found["data"]] == data


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AA",
        "AAA",
        "AAAA=",
        "AA=A",
        "AA==AA==",
        "AAA AAAA",
        "AAAA\\n",
        "AAAA*AAA",
        'AA\\"A',
        "é",
    ],
)
@pytest.mark.parametrize("size", [1, 4, 1000])
async def test_bad_base64_is_refused(text: str, size: int) -> None:
    with pytest.raises(MediaError):
        await scan(b'{"data":"' + text.encode() + b'"}', size)


async def test_the_fields_name_inside_a_text_is_no_field() -> None:
    text = 'she said "data":"AAAA" and {\\"data\\":\\"!!\\"}'

    found, blobs = await scan(document(b64(b"fox"), text=text), 3)

    assert found["parts"][0]["text"] == text
    assert list(blobs.values()) == [b"fox"]


async def test_a_field_whose_name_only_ends_the_same_is_not_media() -> None:
    found, blobs = await scan(rb'{"\"data":"!!","metadata":"!!","data":null,"x":{"data":3}}')

    assert found == {'"data': "!!", "metadata": "!!", "data": None, "x": {"data": 3}}
    assert not blobs


async def test_of_two_fields_with_one_name_the_later_counts() -> None:
    found, blobs = await scan(b'{"data":"QUFB","data":"QkJC"}')

    assert blobs[found["data"]] == b"BBB"


async def test_an_empty_string_is_empty_media() -> None:
    found, blobs = await scan(b'{"data":""}')

    assert blobs[found["data"]] == b""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b'{"a":1}x',
        b'{"data":"QUFB"',
        b'{"data":"QUFB',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":"\x01"}',
    ],
)
async def test_what_is_not_strict_json_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProviderError, match="not JSON") as caught:
        await scan(body)

    assert caught.value.family == "protocol"
    assert caught.value.__context__ is None


def test_json_without_media_is_read_as_usual() -> None:
    assert parse_json(b' {"a": [1, 2.5, "x", true, null]} ') == {"a": [1, 2.5, "x", True, None]}


def test_a_whole_string_is_decoded_as_strictly() -> None:
    assert decode_media("QUFB") == b"AAA"
    with pytest.raises(MediaError):
        decode_media("QUF")


@pytest.mark.parametrize("text", ["QUFB", "QUF", "QU=B", "QUF-", "QQ==QQ==", "QQ==", "Q U="])
def test_the_standard_library_decodes_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome() -> bytes | None:
        try:
            return decode_media(text)
        except MediaError:
            return None

    fast = outcome()
    monkeypatch.setattr(module, "_decode", functools.partial(binascii.a2b_base64, strict_mode=True))

    assert outcome() == fast


def long_text(size: int) -> str:
    return b64(random.Random(5).randbytes(size))  # noqa: S311 - as above


@pytest.mark.parametrize("size", [1, 1000, 1448, 4096, 5000, 1 << 20])
async def test_a_long_string_of_base64_comes_back_as_it_was(size: int) -> None:
    """However the body is cut, and whatever stands before and behind it in the same string."""
    texts = [long_text(20_000), "é: " + long_text(9000) + '"\\é\n' + long_text(9000), "\0-1\0"]
    body = json.dumps({"texts": texts, "data": b64(b"fox"), "last": long_text(9000)}).encode()
    if size == 1:
        texts, body = texts[:1], json.dumps({"texts": texts[:1], "data": b64(b"fox")}).encode()

    found, blobs = await scan(body, size)

    assert found["texts"] == texts
    assert blobs[found["data"]] == b"fox"


async def test_a_long_string_is_not_counted_as_text() -> None:
    signature = long_text(6_000_000)

    found, _ = await scan(json.dumps([signature]).encode(), 1448)

    assert found == [signature]


async def test_a_long_string_alone_is_a_document() -> None:
    assert await scan(json.dumps(long_text(9000)).encode()) == (long_text(9000), {})


async def test_an_answer_cannot_name_the_place_of_a_long_string() -> None:
    """Else a short answer could ask for the same megabytes a thousand times."""
    body = json.dumps([long_text(9000), "\0" + "0" * 16 + "-0\0", "media-0"]).encode()

    found, _ = await scan(body)

    assert found[1:] == ["\0" + "0" * 16 + "-0\0", "media-0"]


@pytest.mark.parametrize("part", [b"{},", b"[],", b'{"a":1.5},', b'{"data":""},', b" ", b'"x y",'])
async def test_what_is_read_of_too_much_text_is_not_much(part: bytes) -> None:
    """The parser would make some hundred bytes of each value, and hold the loop for it."""
    scanner = MediaScanner(("data",))
    pieces = iter([part * (100_000 // len(part))] * 390)

    with pytest.raises(TooLargeError, match="was not read further"):
        deque(map(scanner.feed, pieces), maxlen=0)

    assert len(list(pieces)) > 340, "of 39 MB"


@pytest.mark.parametrize("part", [b"[[]],", b'{"\xc4\x80%d":{}},', b'"\xc4\x80%d",'])
async def test_the_largest_document_takes_little_memory(part: bytes) -> None:
    count = module.MOST_VALUES // (part.count(b"[") + part.count(b"{") + 1) - 9
    whole = b"".join(part % i if b"%" in part else part for i in range(count))
    tracemalloc.start()
    try:
        found, _ = await scan(b"[" + whole[: module.MOST_TEXT - 200].rpartition(b",")[0] + b"]")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(found) > 100_000
    assert peak < 150_000_000
