"""What a bar shows over time, read in the page every 50 ms."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Page

_BEGIN = """() => {
    window.samples = {};
    window.sampling = setInterval(() => {
        for (const bar of document.querySelectorAll(".mt-job > progress")) {
            const status = bar.parentElement.querySelector("[role=status]");
            const label = bar.getAttribute("aria-label").replace("Progress of ", "");
            if (!bar.hidden)
                (window.samples[label] ??= []).push([bar.position, status.textContent]);
        }
    }, 50);
}"""
_SEEN = """word => Object.values(window.samples).flat().some(([, seen]) => seen.includes(word))"""
_END = "() => { clearInterval(window.sampling); return window.samples; }"


@dataclass(frozen=True, slots=True)
class Samples:
    """What one bar has shown.

    Attributes:
        shares: How much of it was filled, 0 to 1; 0 as well where it claimed nothing.
        words: The stage beside each share.
    """

    shares: list[float]
    words: list[str]

    @property
    def falls(self) -> list[tuple[float, float, str]]:
        """Where it went back: from, to, and the stage it did so in."""
        steps = zip(self.shares, self.shares[1:], self.words[1:], strict=False)
        return [(before, after, word) for before, after, word in steps if after < before]

    def during(self, word: str) -> set[float]:
        """What it showed while a stage was told."""
        pairs = zip(self.shares, self.words, strict=True)
        return {share for share, stage in pairs if stage == word}


@dataclass(frozen=True, slots=True)
class Sampling:
    """The bars of a page by the names of their jobs, once the sampling has ended."""

    page: Page
    bars: dict[str, Samples] = field(default_factory=dict)

    def wait_for(self, word: str) -> None:
        """Wait until a stage with *word* in it was seen, which may be over by then."""
        self.page.wait_for_function(_SEEN, arg=word)

    @property
    def words(self) -> set[str]:
        """Every stage that was seen."""
        return {word for bar in self.bars.values() for word in bar.words}


@contextmanager
def sampled(page: Page) -> Iterator[Sampling]:
    """Sample every bar of a job on *page* during the block."""
    sampling = Sampling(page)
    page.evaluate(_BEGIN)
    yield sampling
    for label, samples in page.evaluate(_END).items():
        shares = [max(0.0, share) for share, _ in samples]
        sampling.bars[label] = Samples(shares, [word for _, word in samples])
