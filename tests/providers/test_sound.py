"""Sound in pieces, as it comes from vendors that stream."""

import struct

import pytest

from mediatoolkit.media.containers import wav
from mediatoolkit.providers.sound import SoundDecoder

PCM = bytes(range(200)) * 30
LENGTHS = {"true": None, "largest": 0xFFFFFFFF, "zero": 0}


@pytest.mark.parametrize("step", [1, 7, 44, 45, 1000, 10_000])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_wav_is_heard_whole_wherever_it_is_cut(length: str, step: int) -> None:
    """Also within the head, and within a sample; the length in the head is not believed."""
    data = bytearray(wav.wrapped(PCM, sample_rate=16_000, channels=2))
    if LENGTHS[length] is not None:
        struct.pack_into("<I", data, 4, LENGTHS[length])
        struct.pack_into("<I", data, 40, LENGTHS[length])
    decoder = SoundDecoder("acme", "Acme")

    pieces = [bytes(data[at : at + step]) for at in range(0, len(data), step)]
    sounds = [sound for piece in pieces if (sound := decoder.decode(piece, "audio/wav")).pcm]

    assert b"".join(sound.pcm for sound in sounds) == PCM
    assert {(sound.sample_rate, sound.channels) for sound in sounds} == {(16_000, 2)}


@pytest.mark.parametrize("step", [60, 997, 10_000])
def test_a_head_that_knows_of_too_little_is_not_believed(step: int) -> None:
    """As of a server that counts its first block alone."""
    data = bytearray(wav.wrapped(PCM, sample_rate=16_000, channels=1))
    struct.pack_into("<I", data, 4, 38)
    struct.pack_into("<I", data, 40, 2)
    decoder = SoundDecoder("acme", "Acme")

    pieces = [bytes(data[at : at + step]) for at in range(0, len(data), step)]

    assert b"".join(decoder.decode(piece, "audio/wav").pcm for piece in pieces) == PCM
