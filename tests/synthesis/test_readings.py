"""How what is written is read aloud: given to the English voices in words that they say right."""

# ruff: noqa: RUF001 - the signs are what this is about

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.synthesis.speaking.markup import without_markup
from mediatoolkit.synthesis.speaking.readings import neutral, readable
from mediatoolkit.synthesis.speaking.speech import left_out, speak
from tests.hearing import heard


def read(text: str) -> str:
    missing: list[str] = []
    words = " ".join(readable(without_markup(text, missing), missing).split())
    assert missing == []
    return words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        # fractions
        ("3½ cups", "3 and one half cups"),
        ("1¼", "1 and one quarter"),
        ("½ cup", "one half cup"),
        ("¾", "3 quarters"),
        ("3⁄4 inch", "3 quarters inch"),
        ("¹⁄₂ inch", "one half inch"),
        ("5⁄16", "5 over 16"),
        ("2 1/2 cups", "2 and one half cups"),
        ("⅔", "2 thirds"),
        ("24/7", "24 7"),
        ("12/05/2024", "12/05/2024"),
        # powers and formulas
        ("10² + x³", "10 squared + x cubed"),
        ("10⁻³ s", "10 to the power of minus 3 seconds"),
        ("10^6 and 2^-1", "10 to the power of 6 and 2 to the power of minus 1"),
        ("x⁴", "x to the power of 4"),
        ("(a+b)²", "(a+b) squared"),
        ("E=mc²", "E equals mc squared"),
        ("1e-3", "1 times 10 to the power of minus 3"),
        ("H₂O and CO₂", "H 2 O and C O 2"),
        ("x₁", "X 1"),
        ("Na⁺", "Na plus"),
        ("2^n = 10^(-3)", "2 to the power of n equals 10 to the power of minus 3"),
        ("xⁿ⁺¹", "x to the power of n+1"),
        ("2πr and Δx", "2 pi r and delta x"),
        # money
        ("5€", "5 euros"),
        ("20 €", "20 euros"),
        ("€5", "5 euros"),
        ("€ 5", "5 euros"),
        ("1 €", "1 euro"),
        ("1.000,50 €", "1,000 euros and 50 cents"),
        ("1.000 €", "1,000 euros"),
        ("€2.500 or $2.500", "2,500 euros or 2 point 5 0 0 dollars"),
        ("12,99 €", "12 euros and 99 cents"),
        ("€1,000.50", "1,000 euros and 50 cents"),
        ("$1,234,567.89", "1,234,567 dollars and 89 cents"),
        ("$0.99", "99 cents"),
        ("$1bn", "1 billion dollars"),
        ("$1.5B", "1.5 billion dollars"),
        ("£3m", "3 million pounds"),
        ("$2 million", "2 million dollars"),
        ("¥500", "500 yen"),
        ("US$ 5", "5 U S dollars"),
        ("20 EUR", "20 euros"),
        ("CHF 2024", "2,024 francs"),
        ("$5/kg", "5 dollars per kilogram"),
        ("-$5", "minus 5 dollars"),
        ("$5–10", "5 to 10 dollars"),
        ("5–10 €", "5 to 10 euros"),
        ("20 € 30 €", "20 euros 30 euros"),
        ("50¢", "50 cents"),
        ("1 234,50 € or 1 000 000 €", "1,234 euros and 50 cents or 1,000,000 euros"),
        ("1'000.50 CHF", "1,000 francs and 50 rappen"),
        ("3 €/m², 5 €/Tag", "3 euros per square meter, 5 euros per Tag"),
        ("the € sign", "the euro sign"),
        ("5 Mio. €", "5 million euros"),
        ("$1.2m–$1.5m", "1.2 million dollars to 1.5 million dollars"),
        ("$1M-2M", "1 million dollars to 2 million dollars"),
        ("5€-10€", "5 euros to 10 euros"),
        # ranges and arithmetic
        ("5–10", "5 to 10"),
        ("5-10%", "5 to 10 percent"),
        ("3.5%–4.5%", "3.5 percent to 4.5 percent"),
        ("10km-15km", "10 kilometers to 15 kilometers"),
        ("½ × ¼ = ⅛", "one half times one quarter equals one eighth"),
        ("5–10 km", "5 to 10 kilometers"),
        ("555-1234", "555-1234"),
        ("2024-11-28", "2024-11-28"),
        ("5 - 3 = 2", "5 minus 3 equals 2"),
        ("5−3", "5 minus 3"),
        ("at −5 °C", "at minus 5 degrees Celsius"),
        ("1 °F", "1 degree Fahrenheit"),
        ("25℃", "25 degrees Celsius"),
        ("50 % and 5‰", "50 percent and 5 per mille"),
        ("3×4", "3 times 4"),
        ("3 * 4", "3 times 4"),
        ("1920x1080", "1920 by 1080"),
        ("16:9", "16 to 9"),
        ("10:30", "10:30"),
        ("x ≤ 5 ± 2", "x less than or equal to 5 plus or minus 2"),
        ("a ≈ b → c", "a approximately b to c"),
        ("a &lt; b", "a less than b"),
        (">10 cars, <5 people", "greater than 10 cars, less than 5 people"),
        # numbers
        ("1,5", "1.5"),
        ("1,000", "1,000"),
        ("10 000 or 1 234 567", "10,000 or 1,234,567"),
        ("10\u202f000 or 1\u00a0234", "10,000 or 1,234"),
        ("in 2024 300 people", "in 2024 300 people"),
        ("3.10", "3 point 1 0"),
        ("version 3.11.7", "version 3 point 11 point 7"),
        ("v2.0", "version 2 point 0"),
        ("28.11.2026", "28 November 2026"),
        ("1st, 2nd, the 21st", "1st, 2nd, the 21st"),
        ("the 1990s, the '80s, his 20s", "the 19 nineties, the eighties, his twenties"),
        ("the 1900s and 2000s, for 45s", "the 19 hundreds and 2 thousands, for 45 seconds"),
        ("100s of cars, in 100s", "hundreds of cars, in 100 seconds"),
        ("1000s of seats", "thousands of seats"),
        ("#100DaysOfCode", "hashtag 100DaysOfCode"),
        # units
        ("5kg", "5 kilograms"),
        ("1 m", "1 meter"),
        ("10km/h", "10 kilometers per hour"),
        ("100MB", "100 megabytes"),
        ("5 m²", "5 square meters"),
        ("9.81 m/s²", "9.81 meters per second squared"),
        ("3 kg/m³", "3 kilograms per cubic meter"),
        ("per m² or many km²", "per square meter or many square kilometers"),
        ("½%", "one half percent"),
        ("½ km", "one half kilometer"),
        ("20 µm", "20 micrometers"),
        ("5'10\"", "5 feet 10 inches"),
        ("5 meters", "5 meters"),
        # letters
        ("C# and F#", "C sharp and F sharp"),
        ("C++", "C plus plus"),
        ("#ai", "hashtag ai"),
        ("#5", "number 5"),
        ("AT&T", "AT&T"),
    ],
)
def test_numbers_and_signs_become_words(written: str, words: str) -> None:
    assert read(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("# Title", "Title"),
        ("### C# ###", "C sharp"),
        ("- one\n* two\n+ three", "one two three"),
        ("- [x] done", "done"),
        ("> quoted\n>> twice", "quoted twice"),
        ("above\n\n---\n\nbelow", "above below"),
        ("Head\n====", "Head"),
        ("| a | b |\n|---|:-:|\n| c | d |", "a, b c, d"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("the `code` here", "the code here"),
        ("**bold** and *em* and __x__ and ~~no~~", "bold and em and x and no"),
        ("snake_case_name", "snake_case_name"),
        ("**A bold sentence. ", "A bold sentence."),
        ("Its other half.** And _so", "Its other half. And so"),
        ("[a link](https://a.b/c_(d)) and ![a fox](x.png)", "a link and a fox"),
        ("told.[^1]", "told."),
        (r"5 \* 3", "5 times 3"),
        ("<speak>Hi <emphasis level='strong'>you</emphasis></speak>", "Hi you"),
        ('<say-as interpret-as="date">2024</say-as>', "2024"),
        ('<sub alias="World Wide Web">WWW</sub>', "World Wide Web"),
        ("x<sup>2</sup> H<sub>2</sub>O", "x squared H 2 O"),
        ("one<br/>two<!-- not this -->", "one two"),
        ("&lt;speak&gt;Hi&lt;/speak&gt;", "Hi"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        ("it&#39;s 5&nbsp;km", "it's 5 kilometers"),
        ("if x <y and z> 3", "if x less than y and z greater than 3"),
    ],
)
def test_markup_is_not_read_out(written: str, words: str) -> None:
    assert read(written) == words


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("The μ-law and the 世界.", ["世界"]),
        ("Dear <name>, hello.", ["<name>"]),
        ('Now <audio src="a.mp3"/> listen.', ['<audio src="a.mp3"/>']),
        ("As shown.¹ And Smith² says.", ["¹", "²"]),
        ("A party 🎉🎉 and a ⌘ key.", ["🎉🎉", "⌘"]),
        (
            "A co\u00adoperative family\u200b \U0001f469\u200d\U0001f467.",
            ["\U0001f469\u200d\U0001f467"],
        ),
        ('<break time="1s"/> Hello.', ['<break time="1s"/>']),
        ('Hello <break time="1s"/> world.', []),
        ("3½ m², 5 €, H₂O, 5 Ω.", []),
    ],
)
def test_what_is_not_said_is_named(text: str, missing: list[str]) -> None:
    assert left_out(text) == missing


def test_a_voice_of_another_language_gets_no_english_words() -> None:
    missing: list[str] = []
    assert neutral("3½ und 10² und 5 €", missing) == "3 ½ und 10 und 5 €"
    assert missing == ["²"]
    assert left_out("10² und 5 € und ±", "german") == ["²", "±"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Add 3½ cups.", "three and one half cups"),
        ("It is 20 $.", "twenty dollars"),
        ("It costs $3 million.", "three million dollars"),
        ("# Hello world", "hello world"),
        ("<speak>Hello <emphasis>world</emphasis></speak>", "hello world"),
    ],
)
@pytest.mark.parametrize("voice", ["heart", "american"])
def test_it_is_heard(text: str, words: str, voice: str) -> None:
    (spoken,) = speak(text, voice=voice)
    sounds = heard(spoken.samples, spoken.sample_rate)
    alike = len(set(words.split()) & set(sounds))
    assert alike >= (1.0 if voice == "heart" else 0.5) * len(set(words.split())), sounds
    assert spoken.text == text, "the caption keeps what was written"


def test_a_pause_that_is_asked_for_is_kept() -> None:
    text = 'Hello <break time="1500ms"/><break time="0.5s"/> world.'
    first, second = speak(text, speed=1.5)
    assert second.start - first.end == pytest.approx(2, abs=0.01)
    silence = first.samples[round((first.end - first.start) * first.sample_rate) :]
    assert not silence.any()
    assert second.text == "world."


@given(st.text(alphabet="1290.,-–/:'\"$€£% °½²₂⁻×xkmbnsEUR#*_|<>&;=~^()vh", max_size=40))
def test_any_mixture_of_signs_is_read(text: str) -> None:
    """Whatever it is, reading it ends, and what is named was written."""
    for voice in ("heart", "german"):
        missing = left_out(text, voice)
        assert all(missing)
