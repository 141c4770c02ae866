"""`%load_ext mediatoolkit` in a real kernel."""

import re
from typing import Any

import pytest
import pytest_asyncio

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.conftest import KEY
from tests.kernel.driver import Kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def magic(notebook: Kernel) -> Kernel:
    """A kernel with the magics and without the tests before."""
    await notebook.do("%load_ext mediatoolkit\n%reset_selective -f .\nimport mediatoolkit as mt")
    await notebook.do("%media budget off\nmt.budget.release()\nmt.budget.reset()")
    await notebook.do("%media cache off\n%media cache clear")
    return notebook


async def _answer(kernel: Kernel, request: str) -> dict[str, Any]:
    await until(lambda: request in kernel.replies, "an answer")
    content: dict[str, Any] = kernel.replies[request]["content"]
    return content


async def _line(kernel: Kernel, code: str) -> str:
    """The only text that a cell shows."""
    run = await kernel.run(code)
    assert run.status == "ok", run.text
    (output,) = run.shown
    text: str = output["data"]["text/plain"]
    return text


async def _completions(kernel: Kernel, code: str) -> list[str]:
    matches: list[str] = (await _answer(kernel, kernel.client.complete(code)))["matches"]
    return matches


async def test_a_cell_becomes_a_picture_and_is_free_meanwhile(magic: Kernel) -> None:
    run = await magic.run("%%image --out fox\na red fox")
    assert (await magic.do("print(type(fox).__name__)")).strip() == "Job"

    await until(lambda: run.pictures, "the picture")
    awaited = await magic.run("await fox")

    assert run.status == "ok", run.text
    assert len(run.pictures) == len(awaited.pictures) == 1
    assert len((await magic.run("fox")).pictures) == 1


async def test_the_name_is_awaited_at_once_in_a_run_of_all_cells(magic: Kernel) -> None:
    await magic.run("%%image --out fox\na red fox")

    assert (await magic.do("print(repr(await fox))")).startswith("<Image 1408×768")


async def test_variables_reach_the_prompt_and_the_options(magic: Kernel, sim: Simulator) -> None:
    await magic.do('animal, shape = "fox", "16:9"')
    await magic.do('%%image --aspect {shape} --out x\na {animal}, {{animal}}, {"json": {"a": 1}}')
    await magic.do("await x")

    sent = str(sim.requests[-1].body)
    assert "a fox, {animal}, " in sent
    assert '{"json": {"a": 1}}' in sent
    assert "16:9" in sent


async def test_a_prompt_of_several_lines_is_kept(magic: Kernel, sim: Simulator) -> None:
    await magic.do("%%image --out x\na red fox\nunder the stars\n")
    await magic.do("await x")

    assert r"a red fox\nunder the stars'" in str(sim.requests[-1].body)


async def test_a_film_waits_for_the_picture_it_begins_with(magic: Kernel) -> None:
    """Cells that run one after the other at once need no await between them."""
    await magic.run("%%image local/painter --size 512 --out fox\na red fox")
    await magic.run("%%video local/film --image fox --seconds 1 --out film\nthe fox looks up")

    assert (await magic.do("print((await film).seconds)")).strip() == "1.0"


async def test_speech_is_spoken_as_asked(magic: Kernel) -> None:
    await magic.run("%%speech local/hibari --voice deep --speed 2 --out said\nOnce upon a time.")

    said = await magic.do("print((await said).provenance.options)")
    assert "deep" in said
    assert "2" in said


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("%%image --sise 3\na", "%%image takes no --sise; did you mean --size?"),
        ("%%image --seed x\na", "%%image: argument --seed: invalid int value: 'x'; %%image? shows"),
        ("%%image --seed\na", "%%image: argument --seed: expected one argument"),
        ("%%image --out 7\na", "--out takes the name of a variable"),
        ('%%image --aspect "16:9\na', "The options cannot be read: No closing quotation."),
        ("%%image\n{anmal}", "There is no variable anmal; did you mean animal?"),
        ("%%image --references foxx\na", "There is no variable foxx"),
        ("%%image --references ./no.png\na", "--references takes a variable or a file"),
        ("%%image nobody/model\na", "No installed provider is called 'nobody'"),
        ("%%image --size 3K\na", "size='3K' is not a size"),
        ("%%image --cache refesh\na", "--cache takes no 'refesh'; did you mean refresh?"),
        ("%%image --cache local\na", "--cache takes no 'local'; it takes off, on, refresh, only."),
        ("%%image --take x\na", "%%image: argument --take: invalid int value: 'x'"),
        ("%%image --qoute\na", "%%image takes no --qoute; did you mean --quote?"),
        ("%%image --quote=1\na", "%%image: argument --quote: ignored explicit argument '1'"),
        ("%media modles", "%media takes no 'modles'; did you mean models?"),
        ("%media models all", "%media models takes no 'all'; it stands alone."),
        ("%media cache olny", "%media cache takes no 'olny'; did you mean only?"),
        (
            "%media cache on off",
            "%media cache takes no 'on off'; did you mean off?",
        ),
        ("%media budget lots", "%media budget takes US dollars, such as 5.00, or off; not 'lots'."),
        ("%media budget -1", "mt.budget.limit takes US dollars as a finite number from 0 on"),
    ],
)
async def test_a_mistake_is_one_calm_line(
    magic: Kernel, sim: Simulator, cell: str, line: str
) -> None:
    await magic.do("animal = 1")
    before = len(sim.requests)

    run = await magic.run(cell)

    assert run.status == "error"
    assert re.fullmatch(r"\w+Error: .*", run.text)
    assert line in run.text
    assert len(sim.requests) == before


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%%image gem", {"gemini/gemini-3.1-flash-image"}),
        ("%%image --", {"--size", "--aspect", "--seed", "--references", "--timeout", "--out"}),
        ("%%image --seed 3 --s", {"--size"}),
        ("%%image local/painter --size ", {"512", "1K", "2K"}),
        ("%%image --aspect 16", {"16:9"}),
        ("%%speech local/hibari --voice ", {"heart", "deep", "bright"}),
        ("%%video --image ", {"owl"}),
        ("%%image --out o", {"owl"}),
        ("%%image\nan {anim", {"animal"}),
        ("%%image --c", {"--cache"}),
        ("%%image --cache re", {"refresh"}),
        ("%%image --cache ", {"on", "off", "refresh", "only", "--size"}),
        ("%%speech --quote --", {"--voice", "--out", "--take"}),
        ("%media m", {"models"}),
        ("%media cache ", {"on", "off", "refresh", "only", "clear"}),
        ("%media budget o", {"off"}),
    ],
)
async def test_words_are_completed(magic: Kernel, code: str, words: set[str]) -> None:
    await magic.do('animal = "fox"\nowl = mt.image("an owl", model="local", size=64)\nawait owl')

    completions = set(await _completions(magic, code))

    assert words <= completions
    assert all(
        len(completions) <= len(words) for part in ("--image", "{", "local/") if part in code
    )


async def test_other_cells_are_completed_as_ever(magic: Kernel) -> None:
    assert "import" in await _completions(magic, "imp")


async def test_a_question_mark_tells_what_a_magic_takes(magic: Kernel) -> None:
    answer = await magic.run("%%image?")
    (page,) = answer.reply["content"]["payload"]
    inspected = await _answer(magic, magic.client.inspect("%%image"))

    for text in (page["data"]["text/plain"], inspected["data"]["text/plain"]):
        assert "%%image [--size SIZE]" in text
        assert "width to height, such as 16:9" in text
        assert "[--cache [{off,on,refresh,only}]]" in text
        assert "[--quote]" in text


async def test_models_are_listed_with_what_keeps_them_away(magic: Kernel) -> None:
    (table,) = (await magic.run("%media models")).shown

    text = table["data"]["text/plain"]
    price = r"\$0.06\d to \$0.07\d"
    assert re.search(rf"image +gemini/gemini-3.1-flash-image +default +{price} +512, 1K", text)
    assert re.search(r"video +local/film +yes +free +360p", text)
    assert "<table " in table["data"]["text/html"]


async def test_settings_name_a_key_and_never_show_it(magic: Kernel) -> None:
    (table,) = (await magic.run("%media config")).shown

    assert "GEMINI_API_KEY is in the environment" in table["data"]["text/plain"]
    assert str(magic.home / "store") in table["data"]["text/plain"]
    assert KEY not in str(table)


async def test_settings_of_money_and_cache_stand_beside_their_variables(magic: Kernel) -> None:
    await magic.do("%media budget 5\n%media cache only\nimport os")
    settings = await _line(magic, "os.environ['MEDIATOOLKIT_CACHE'] = '1'\n%media config")

    assert re.search(r"\nbudget +\$5.00 of \$5.00 is left\n", settings)
    assert re.search(r"\ncache +only, nothing is kept\n", settings)
    assert re.search(r"\nMEDIATOOLKIT_BUDGET +is not set\n", settings)
    assert re.search(r"\nMEDIATOOLKIT_CACHE +1\n", settings)

    await magic.do("from mediatoolkit.caching import settings\nsettings.default = None")
    assert re.search(r"\ncache +on, nothing", await _line(magic, "%media config"))
    settings = await _line(magic, "os.environ['MEDIATOOLKIT_CACHE'] = 'often'\n%media config")
    await magic.do("del os.environ['MEDIATOOLKIT_CACHE']")
    assert re.search(r"\ncache +The environment variable MEDIATOOLKIT_CACHE is 'often'", settings)


async def test_the_budget_is_shown_set_and_lifted(magic: Kernel) -> None:
    limits = [
        (await _line(magic, f"%media budget {amount}")).splitlines()[-1]
        for amount in ("", "2.50", "$3", "{2 * 2}", "off")
    ]
    assert limits == [
        "no limit",
        *(f"limit ${amount}.00, left ${amount}.00".replace("2.00", "2.50") for amount in (2, 3, 4)),
        "no limit",
    ]


async def test_the_budget_refuses_before_anything_is_sent(magic: Kernel, sim: Simulator) -> None:
    before = len(sim.requests)
    await magic.do("%media budget 0.01")
    await magic.run("%%image --out fox\na red fox of a poor house")

    awaited = await magic.run("await fox")
    assert awaited.text.startswith("BudgetError: gemini/gemini-3.1-flash-image may cost up to $")
    assert len(sim.requests) == before


async def test_the_cache_is_set_shown_and_cleared(magic: Kernel) -> None:
    states = [await _line(magic, f"%media cache {word}") for word in ("on", "only", "refresh", "")]
    assert states == [f"{word}, nothing is kept" for word in ("on", "only", "refresh", "refresh")]

    await magic.do("%media cache on\n")
    await magic.do(
        "for seed in range(2): await mt.image('a fox', model='local', size=64, seed=seed)"
    )
    state = await _line(magic, "%media cache")
    assert re.fullmatch(r"on, 2 results, \d+\.\d kB", state)
    assert state in await _line(magic, "%media")
    assert await _line(magic, "%media cache clear") == "2 results forgotten; the files stay"
    assert await _line(magic, "%media cache off") == "off, nothing is kept"
    assert list((magic.home / "store").glob("*.png"))


async def test_a_kept_cell_sends_nothing_and_a_take_sends_one(
    magic: Kernel, sim: Simulator
) -> None:
    async def sent_by(line: str) -> int:
        before = len(sim.requests)
        await magic.do(f"%%image {line} --out fox\na fox that stays")
        await magic.do("await fox")
        return len(sim.requests) - before

    lines = ["--cache", "--cache on", "--cache only", "--cache --take 2", "--cache only --take 2"]
    assert [await sent_by(line) for line in lines] == [1, 0, 0, 1, 0]
    assert [await sent_by(line) for line in ("", "--cache refresh", "--cache off")] == [1, 1, 1]
    await magic.do("%media cache on")
    assert [await sent_by(line) for line in ("", "--cache off")] == [0, 1]


async def test_only_what_is_kept_raises_where_nothing_is(magic: Kernel, sim: Simulator) -> None:
    before = len(sim.requests)
    await magic.run("%%image --cache only --out fox\na fox that nobody has seen")

    assert "NotCachedError: Nothing is kept for this request" in (await magic.run("await fox")).text
    assert len(sim.requests) == before


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (
            "%%image gemini/gemini-3.1-flash-image --size 1K --quote\na red fox",
            r"\$0\.06\d to \$0\.07\d \(list price of 20",
        ),
        ("%%image gemini/gemini-9.9-image --quote\na red fox", r"price unknown \(no price is"),
        ("%%speech --quote --cache\nOnce upon a time.", r"\$0\.\d+ to \$0\.\d+ \(list price of "),
        ("%%video local --seconds 2 --quote --take 2\na fox", r"free \(made on this machine\)"),
        ("%%image --quote --references owl\na fox beside it", r"\$0\.\d+( to \$0\.\d+)? \(list p"),
    ],
)
async def test_a_quote_is_one_line_and_sends_nothing(
    magic: Kernel, sim: Simulator, cell: str, words: str
) -> None:
    await magic.do("owl = mt.image('an owl', model='local', size=64)")
    before = len(sim.requests)

    assert re.match(words, await _line(magic, cell))
    assert (await magic.do("await owl\nprint(mt.jobs)")).strip() == "no jobs"
    assert len(sim.requests) == before


async def test_a_quote_is_bound_to_its_name(magic: Kernel) -> None:
    await magic.do("%%image local --quote --out price\na red fox")

    assert (await magic.do("print(type(price).__name__, price.is_known)")).strip() == "Price True"


async def test_a_quote_refuses_what_the_verb_refuses(magic: Kernel) -> None:
    for line in ("--quote --size 3K", "--quote --cache sometimes", "--quote --take 0"):
        assert (await magic.run(f"%%image {line}\na red fox")).text.startswith("PromptError: ")


async def test_jobs_and_sessions_are_shown(magic: Kernel, sim: Simulator) -> None:
    sim.always(faults.Silence())
    await magic.do("%%image --out fox\na red fox")
    await until(lambda: sim.open_connections, "the request")

    running = await magic.run("%media jobs")
    (sessions,) = (await magic.run("%media sessions")).shown

    assert running.shown
    assert "a red fox" in str(running.messages)
    assert sim.url in sessions["data"]["text/plain"]


async def test_close_ends_jobs_and_sessions(magic: Kernel, sim: Simulator) -> None:
    sim.always(faults.Silence())
    before = len(sim.requests)
    await magic.do("%%image --out fox\na red fox")
    await until(lambda: len(sim.requests) > before, "the request")

    run = await magic.run("%media close")
    await until(lambda: run.shown[-1]["data"]["text/plain"] == "closed", "the last word")

    await until(lambda: sim.open_connections == 0, "the end of the connections")
    assert (await magic.do("print(fox.progress.state.value, mt.sessions)")).split("\n")[0] == (
        "cancelled no open sessions"
    )


async def test_the_extension_can_be_loaded_again(magic: Kernel) -> None:
    count = "print(len(get_ipython().Completer.custom_matchers))"
    before = await magic.do(count)

    assert await magic.do(f"%reload_ext mediatoolkit\n{count}") == before
