"""Saving with provenance keeps what was in a file, say readers that are not ours."""

from pathlib import Path

import pytest

from mediatoolkit.media import Audio, Image, Media, Provenance, Video
from tests.media import drawn, readers

RECORD = Provenance(model="vendor/model", prompt="a fox under a lamp", engine="vendor", seed=7)
KINDS: dict[str, type[Media]] = {
    **dict.fromkeys(("png", "jpg", "webp"), Image),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg", "m4a"), Audio),
    **dict.fromkeys(("mp4", "webm"), Video),
}
MISREAD = {
    "odd.wav": {"by_tinytag": "info.wav", "by_exiftool": "even.wav"},
    "itunes.mp3": dict.fromkeys(("by_tinytag", "by_exiftool"), "v24.mp3"),
}
"""What some readers stumble over, and a file with the same in it that they read right.

They miss the chunk behind an odd one without its padding, and cut a cover whose size is written
as iTunes did.
"""


@pytest.mark.parametrize("name", drawn.names())
def test_nothing_in_a_file_is_lost_or_hidden(name: str, tmp_path: Path) -> None:
    kind = KINDS[name.rpartition(".")[2]]
    before, after = tmp_path / f"before-{name}", tmp_path / f"after-{name}"
    before.write_bytes(drawn.drawn(name))
    kind(before.read_bytes(), provenance=RECORD).save(after)
    misread = {}
    for reader, other in MISREAD.get(name, {}).items():
        misread[reader] = tmp_path / other
        misread[reader].write_bytes(drawn.drawn(other))

    assert readers.changes(before, after, misread=misread) == {}
    again = kind.open(after)
    assert again.provenance == RECORD
    again.save(after)
    assert kind.open(after).data == again.data, "a second save changes nothing"
