"""Bodies and pictures that are not what they say."""

import base64
import struct
import textwrap
import zlib

HTML = b"<!doctype html><html><title>Sign in</title><p>Please sign in to the network.</html>"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_GARBAGE = {
    "empty": b"",
    "html": HTML,
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "utf8": b'{"candidates":"\xff\xfe\xfa"}',
    "null": b"null",
    "list": b"[]",
    "string": b'"a picture"',
    "nan": b'{"candidates":NaN,"data":NaN,"usageMetadata":{"totalTokenCount":Infinity}}',
    "shapes": b'{"candidates":{"0":{"content":"a picture"}},"data":{"0":7},"usageMetadata":[1,2]}',
    "parts": b'{"candidates":[{"content":{"parts":["a picture",7,null]},"finishReason":"STOP"}],'
    b'"data":["a picture",7,null]}',
    "inline": b'{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":7,"data":[1]}}]},'
    b'"finishReason":"STOP"}],"data":[{"b64_json":[1]}]}',
}


def garbage(kind: str) -> bytes:
    """A body that is no answer of any vendor; `faults.Garbage` names the kinds."""
    return _GARBAGE[kind]


def broken_base64(good: str, kind: str) -> str:
    """The base64 text of a picture, spoilt; `faults.BadPicture` names the kinds."""
    match kind:
        case "bad_base64":
            return good[:40] + "!*" + good[42:]
        case "urlsafe_base64":
            return good.replace("+", "-").replace("/", "_")
        case "spaced_base64":
            return "\n".join(textwrap.wrap(good, 76))
        case _:
            return base64.b64encode(_broken_bytes(base64.b64decode(good), kind)).decode()


def escaped(document: str) -> str:
    """JSON with the escapes that some encoders write; neither letter stands outside strings."""
    return document.replace("/", "\\/").replace("=", "\\u003d")


def _broken_bytes(good: bytes, kind: str) -> bytes:
    match kind:
        case "truncated":
            return good[: len(good) * 2 // 3]
        case "bad_crc":
            return good[:-20] + bytes([good[-20] ^ 0xFF]) + good[-19:]
        case "bomb":
            return _bomb()
        case _:
            return {"svg": _SVG, "html": HTML, "empty": b""}.get(kind, good)


def _bomb() -> bytes:
    """A PNG that promises 30,000 x 30,000 pixels and holds next to nothing."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 90_001)), (b"IEND", b"")):
        data += struct.pack(">I", len(body)) + name + body
        data += struct.pack(">I", zlib.crc32(name + body))
    return data
