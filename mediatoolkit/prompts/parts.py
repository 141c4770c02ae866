"""A text too long for one call, in parts that are spoken one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.sentences import split

_AROUND = 3  # characters: colon, space and line break


def split_prompt(prompt: SpeechPrompt, longest: int) -> list[SpeechPrompt]:
    """Return as few prompts of up to *longest* characters as sentences allow.

    A dialogue is cut between its lines, a long line at its sentences.
    """
    if len(prompt.text) <= longest:
        return [prompt]
    if prompt.speakers:
        return list(_scenes(prompt, longest))
    return [replace(prompt, text=text) for text in split(prompt.text, longest)]


def _scenes(prompt: SpeechPrompt, longest: int) -> Iterator[SpeechPrompt]:
    scene: list[tuple[str, str]] = []
    length = 0
    for name, words in _turns(prompt, longest):
        more = len(name) + len(words) + _AROUND
        if scene and length + more > longest:
            yield _scene(prompt, scene)
            scene, length = [], 0
        scene.append((name, words))
        length += more
    yield _scene(prompt, scene)


def _turns(prompt: SpeechPrompt, longest: int) -> Iterator[tuple[str, str]]:
    """Yield each speaker with the words; a long turn comes in several pieces."""
    for speaker, line in prompt.lines():
        name = str(speaker)
        for words in split(line, longest - len(name) - _AROUND):
            if words.strip():
                yield name, words.strip()


def _scene(prompt: SpeechPrompt, turns: Sequence[tuple[str, str]]) -> SpeechPrompt:
    """Make a prompt of *turns*; a lone speaker becomes its voice: vendors want two, or none."""
    speakers = {name for name, _ in turns}
    if len(speakers) > 1:
        return replace(prompt, text="\n".join(f"{name}: {words}" for name, words in turns))
    text = "\n".join(words for _, words in turns)
    return replace(prompt, text=text, speakers={}, voice=prompt.speakers[speakers.pop()])
