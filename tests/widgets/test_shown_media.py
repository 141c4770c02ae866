"""What a cell shows of media."""

import numpy as np

from mediatoolkit.media import Audio, Provenance
from mediatoolkit.widgets.results import media_bundle


def _narration(*words: str) -> Audio:
    noise = np.random.default_rng(1).normal(0, 0.2, 30 * 24_000).clip(-1, 1)
    captions = [[3 * number, 3 * number + 3, text] for number, text in enumerate(words)]
    provenance = Provenance(
        model="local/x", prompt=" ".join(words), engine="local", notes={"captions": captions}
    )
    return Audio.from_samples(noise, 24_000, provenance=provenance)


def test_a_narration_keeps_its_words_and_stays_small() -> None:
    data, _ = media_bundle(_narration(*["Once upon a time, a <b>fox</b> looked up."] * 10))

    assert "0:27</span> Once upon a time, a &lt;b&gt;fox&lt;/b&gt; looked up." in data["text/html"]
    assert len(data["text/html"]) < 150_000


def test_one_sentence_stands_under_its_player_once() -> None:
    data, _ = media_bundle(_narration("Hello."))

    assert "Words" not in data["text/html"]
    assert data["text/html"] == _narration("Hello.")._repr_mimebundle_()[0]["text/html"]
