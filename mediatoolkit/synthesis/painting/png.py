"""A PNG writer that lets other threads run.

Pillow's writer holds the interpreter lock for the whole picture; zlib lets go of it.
"""

import struct
import zlib

import numpy as np
import numpy.typing as npt

ROWS = 64
"""Rows per call into zlib."""


def encode(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Write pixels of shape `(height, width, 3)` as a PNG.

    The rows are not filtered: grain in flat inks repeats as it is but not as differences. A
    print of 1024 by 1024 takes 50 ms and 0.7 MB so, 1.1 MB with a filter.
    """
    height, width, _ = pixels.shape
    rows = pixels.reshape(height, width * 3)
    deflate = zlib.compressobj(3, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY)
    body = []
    for start in range(0, height, ROWS):
        part = rows[start : start + ROWS]
        lines = np.empty((len(part), width * 3 + 1), np.uint8)
        lines[:, 0] = 0  # no filter
        lines[:, 1:] = part
        body.append(deflate.compress(lines.data))
    body.append(deflate.flush())
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_chunk(b"IHDR", header), _chunk(b"IDAT", b"".join(body)), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    size, check = struct.pack(">I", len(data)), struct.pack(">I", zlib.crc32(kind + data))
    return size + kind + data + check
