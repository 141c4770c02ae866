"""What people type who come from other libraries is answered with the way it goes here."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import mediatoolkit as mt


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda: mt.image("a fox", width=800, height=600), "size=(800, 600)"),
        (lambda: mt.image("a fox", n=4), "call it once for each"),
        (lambda: mt.image("a fox", num_images=4), "generate_many"),
        (lambda: mt.image("a fox", style="linocut"), "say in the prompt"),
        (lambda: mt.image("a fox", steps=30), "leave it out"),
        (lambda: mt.image("a fox", quality="hd"), "leave it out"),
        (lambda: mt.image("a fox", negative_prompt="people"), "in the prompt"),
        (lambda: mt.image("a fox", format="png"), "save(name)"),
        (lambda: mt.image("a fox", output="fox.png"), '.save("fox.png")'),
        (lambda: mt.image("a fox", path="fox.png"), '.save("fox.png")'),
        (lambda: mt.image("a fox", aspect_ratio="16:9"), "did you mean aspect=?"),
        (lambda: mt.image("a fox", resolution="720p"), 'size="1K"'),
        (lambda: mt.image("a fox", api_key="secret"), "set the variable that mt.keys() names"),
        (lambda: mt.image("a fox", base_url="http://secret"), "OpenAICompatibleImageClient(base_"),
        (lambda: mt.speech("Hello.", rate=2), "use speed=."),
        (lambda: mt.speech("Hello.", speaker="deep"), "use voice=."),
        (lambda: mt.speech(" "), "The prompt is empty"),
        (lambda: mt.video("a fox", duration=3), "use seconds=."),
        (lambda: mt.video("a fox", width=640, height=360), 'resolution="720p"'),
        (lambda: mt.video("a fox", voice="Hello."), "use narration=."),
        (lambda: mt.video("a fox", size="720p"), 'resolution="720p"'),
    ],
)
def test_a_keyword_of_others_is_answered_with_ours(call: Callable[[], Any], answer: str) -> None:
    with pytest.raises(mt.PromptError) as caught:
        call()
    assert answer in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("generate", "use mt.image, mt.speech or mt.video."),
        ("images", "use mt.image."),
        ("create_image", "use mt.image."),
        ("text_to_speech", "use mt.speech."),
        ("tts", "use mt.speech."),
        ("image_grid", "use mt.show."),
        ("imgae", "did you mean mt.image?"),
        ("gallery", "did you mean mt.Gallery?"),
        ("ImageAgent", "use mt.ImageGenAgent."),
        ("OpenAISpeechClient", "did you mean mt.OpenAICompatibleSpeechClient?"),
        ("ElevenlabsSpeechClient", "did you mean mt.ElevenLabsSpeechClient?"),
        ("voices", "use mt.models."),
        ("set_key", "use mt.keys."),
        ("xyzzy", "help(mt) says what there is."),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_one_that_is(name: str, answer: str) -> None:
    with pytest.raises(mt.UnknownNameError) as caught:
        getattr(mt, name)
    assert str(caught.value) == f"mediatoolkit has no {name!r}; {answer}"
    assert not hasattr(mt, name)
    assert name not in dir(mt)


def test_every_answer_names_what_there_is() -> None:
    from mediatoolkit.habits import _NAMES

    ways = [word.strip("().,") for way in _NAMES.values() for word in way.split()]
    named = [way.split(".")[1] for way in ways if way.startswith("mt.")]
    assert len(named) > 10
    assert set(named) <= set(vars(mt)["__all__"])


def test_a_plain_traceback_says_it_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import mediatoolkit as mt; mt.imgae"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.lower().count("did you mean") == 1


async def test_each_verb_takes_its_prompt_by_name() -> None:
    verbs: list[Callable[..., mt.Job[Any]]] = [mt.image, mt.speech, mt.video]
    for verb in verbs:
        job = verb(prompt="a fox")
        job.cancel()
        with pytest.raises(mt.JobCancelled):
            await job
