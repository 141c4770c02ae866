"""MP3 for the speech of responses, written bit by bit after ISO/IEC 11172-3 and 13818-3.

Every granule of 576 samples becomes the one tone that is loudest in it, so no encoder is needed and
a real decoder plays the melody of the samples at their length. Frames do not depend on each other.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_GRANULE = 576  # samples, and lines of the spectrum
_RATES = {44_100: 0, 48_000: 1, 32_000: 2, 22_050: 0, 24_000: 1, 16_000: 2}
_KBITS = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_UNIT_GAIN = 210  # at which a coefficient of 1 is 1
_QUIET = 40  # of 32767
_LOWEST, _HIGHEST = 2, 200  # lines


def mp3(samples: bytes, rate: int = 24_000, kbits: int = 64) -> bytes:
    """Encode *samples*: 16 bits, little endian, mono.

    Args:
        samples: The samples.
        rate: Samples per second: 16,000, 22,050, 24,000, 32,000, 44,100 or 48,000.
        kbits: Kilobits per second, the same in every frame.
    """
    import numpy as np

    version = 1 if rate >= 32_000 else 2
    granules = 3 - version  # in each frame
    signal = np.frombuffer(samples, "<i2").astype(np.float32)
    signal = np.pad(signal, (0, -len(signal) % (_GRANULE * granules))).reshape(-1, _GRANULE)
    tones = _tones(signal)
    size = 72_000 * granules * kbits
    frames = []
    for number, start in enumerate(range(0, len(tones), granules)):
        # A frame is longer by one byte wherever the whole bytes lag behind the rate.
        begin, end = (size * index // rate for index in (number, number + 1))
        padded = end - begin - size // rate
        header = f"{0x7FF:011b}{'11' if version == 1 else '10'}011"
        header += f"{_KBITS[version].index(kbits) + 1:04b}{_RATES[rate]:02b}{padded}0{0xC0:08b}"
        frames.append(_frame(header, tones[start : start + granules], version, end - begin))
    return b"".join(frames)


def _tones(granules: "npt.NDArray[np.float32]") -> list[tuple[int, int]]:
    """The loudest line of the spectrum of each granule, and its gain; gain 0 is silence."""
    import numpy as np

    peaks = np.abs(granules).max(1)
    # A line is half as wide as one of the FFT of a granule.
    spectra = np.abs(np.fft.rfft(granules, 2 * _GRANULE))[:, _LOWEST:_HIGHEST]
    lines = spectra.argmax(1) + _LOWEST
    gains = _UNIT_GAIN + np.round(4 * np.log2(np.maximum(peaks, 1) / 32_768)).astype(int)
    return [
        (int(line), int(gain)) if peak >= _QUIET else (0, 0)
        for line, gain, peak in zip(lines, gains, peaks, strict=True)
    ]


def _frame(header: str, tones: list[tuple[int, int]], version: int, size: int) -> bytes:
    """One frame of *size* bytes: header, side information, and the codes of its granules."""
    side, codes = "0" * (18 if version == 1 else 9), ""
    for line, gain in tones:
        # Code table 1: each pair of lines that holds nothing is "1"; one with a coefficient of
        # 1 is "01" or "001", and a sign.
        code = "1" * (line // 2) + ("001" if line % 2 else "01") + "0" if gain else ""
        pairs = line // 2 + 1 if gain else 0
        scale = "0" * (4 if version == 1 else 9)
        tables = f"{1:05b}" * 3
        side += f"{len(code):012b}{pairs:09b}{gain:08b}{scale}0{tables}" + "0" * 7
        side += "0" * (3 if version == 1 else 2)
        codes += code
    bits = header + side + codes
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8).ljust(size, b"\0")
