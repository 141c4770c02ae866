"""How work at the simulated Interactions API goes on and ends."""

import asyncio

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.simulator.bodies import png
from tests.simulator.vendor import PATH, TEXT, Vendor


class TestWork:
    """What becomes of work in the background."""

    async def test_looks_decide_when_it_is_done(self, http: aiohttp.ClientSession) -> None:
        for looks in (0, 1, 4):
            async with Simulator(picture=png(), looks=looks) as sim:
                vendor = Vendor(sim, http)
                _, started = await vendor.start()
                words = [each["status"] for each in await vendor.poll(started["id"], looks + 2)]

            assert started["status"] == "in_progress"
            assert words == ["in_progress"] * looks + ["completed"] * 2

    async def test_without_background_the_answer_is_the_result(self, vendor: Vendor) -> None:
        _, answer = await vendor.start(background=False)

        assert answer["status"] == "completed"
        thought, output = answer["steps"]
        assert sorted(thought) == ["signature", "type"], "recorded: a thought comes first"
        assert output["content"][0]["uri"]

    async def test_a_cancel_ends_it(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        status, cancelled = await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")
        again, _ = await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")

        assert (status, cancelled) == (200, {"id": started["id"], "status": "cancelled"})
        assert again == 400
        assert (await vendor.poll(started["id"], 3))[-1]["status"] == "cancelled"

    @pytest.mark.parametrize("word", ["in_progress", "completed"])
    async def test_a_cancel_may_not_be_confirmed(self, vendor: Vendor, word: str) -> None:
        _, started = await vendor.start()
        vendor.sim.then(faults.EndsAs(word), at="cancel")
        _, answer = await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")

        assert answer["status"] == word
        assert (await vendor.poll(started["id"]))[0]["status"] == "in_progress"

    async def test_what_was_deleted_is_gone(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        assert await vendor.ask("DELETE", f"{PATH}/{started['id']}") == (200, {})
        status, answer = await vendor.ask("GET", f"{PATH}/{started['id']}")

        assert (status, answer) == (
            404,
            {"error": {"code": "not_found", "message": "Requested entity was not found."}},
        )

    async def test_a_malformed_name_is_no_missing_one(self, vendor: Vendor) -> None:
        """Live: 400 for a malformed name, 404 for one that was deleted or is foreign."""
        status, answer = await vendor.ask("GET", f"{PATH}/v1_bogus")

        message = "Invalid interaction name: interactions/v1_bogus"
        assert (status, answer["error"]["message"]) == (400, message)

    async def test_the_input_is_shown_to_a_get_and_never_to_a_post(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        (shown,) = await vendor.poll(started["id"])

        assert "steps" not in started
        assert shown["steps"] == [
            {"type": "user_input", "content": [{"type": "text", "text": "a fox runs"}]}
        ]

    async def test_the_usage_counts_thoughts_and_inputs(self, vendor: Vendor) -> None:
        """The fields of eight recorded answers."""
        _, answer = await vendor.start(background=False)
        usage = answer["usage"]

        assert answer["service_tier"] == "standard"
        assert usage["input_tokens_by_modality"] == [{"modality": "text", "tokens": 3}]
        assert usage["total_cached_tokens"] == usage["total_tool_use_tokens"] == 0
        counts = ("total_input_tokens", "total_output_tokens", "total_thought_tokens")
        assert all(usage[name] > 0 for name in counts)
        assert usage["total_tokens"] == sum(usage[name] for name in counts)

    async def test_only_a_stored_one_can_go_on(self, vendor: Vendor) -> None:
        going_on = {"generation_config": {"video_config": {"task": "extend"}}}
        for store, expected in ((True, 200), (False, 400)):
            _, first = await vendor.start(store=store)
            status, _ = await vendor.start(previous_interaction_id=first["id"], **going_on)
            assert status == expected

    async def test_a_film_can_be_given_back_by_its_address(self, vendor: Vendor) -> None:
        film = await vendor.finished()
        task = {"generation_config": {"video_config": {"task": "edit"}}}
        source = {"type": "video", "mime_type": "video/mp4", "uri": film["uri"]}
        status, _ = await vendor.start(input=[TEXT, source], **task)

        assert status == 200


class TestEnds:
    """Other ends than a film."""

    @pytest.mark.parametrize(
        "word",
        ["failed", "cancelled", "incomplete", "budget_exceeded", "requires_action", "brand_new"],
    )
    async def test_a_start_decides_the_end(self, vendor: Vendor, word: str) -> None:
        vendor.sim.then(faults.EndsAs(word, message="Sorry.", code="why"))
        _, started = await vendor.start()
        ends = await vendor.poll(started["id"], 4)

        assert [each["status"] for each in ends] == ["in_progress"] * 2 + [word] * 2
        assert ends[-1]["errors"] == [{"code": "why", "message": "Sorry."}]
        assert [step["type"] for step in ends[-1]["steps"]] == ["user_input"]

    async def test_it_may_never_end(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.EndsAs("in_progress"), at="start")
        _, started = await vendor.start()

        ends = await vendor.poll(started["id"], 12)
        assert {each["status"] for each in ends} == {"in_progress"}

    async def test_a_refusal_completes_with_words_alone(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.TextOnly("No."))
        film = await vendor.finished()

        assert film == {"type": "text", "text": "No."}

    async def test_a_block_is_a_400_that_says_so(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.PromptBlocked(message="Blocked for safety."))
        status, answer = await vendor.start()

        assert (status, answer["error"]["message"]) == (400, "Blocked for safety.")

    async def test_a_fault_of_another_trade_ends_nothing(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        vendor.sim.then(faults.BadPicture("svg"), at="poll")

        assert (await vendor.poll(started["id"]))[0]["status"] == "in_progress"

    @pytest.mark.parametrize(
        "uri", ["http://127.0.0.1:1/x", "https://u:p@example.invalid/x", "https://10.0.0.1/x", ""]
    )
    async def test_the_address_of_the_result_may_be_anything(
        self, vendor: Vendor, uri: str
    ) -> None:
        vendor.sim.then(faults.ResultAt(uri))
        film = await vendor.finished()

        assert film == {"type": "video", "mime_type": "video/mp4", "uri": uri}


class TestAim:
    """Faults for one purpose."""

    async def test_a_fault_waits_for_its_purpose(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.Status(500), at="poll")
        vendor.sim.then(faults.Status(400, word="invalid_request", message="No."), at="cancel")
        vendor.sim.then(faults.Status(404), at="download")
        vendor.sim.then(faults.Status(503), at="delete")
        status, started = await vendor.start()
        assert status == 200
        name = started["id"]

        assert (await vendor.ask("GET", f"{PATH}/{name}"))[0] == 500
        assert [each["status"] for each in await vendor.poll(name, 3)][-1] == "completed"
        status, answer = await vendor.ask("POST", f"{PATH}/{name}/cancel")
        assert (status, answer) == (400, {"error": {"code": "invalid_request", "message": "No."}})
        assert (await vendor.ask("DELETE", f"{PATH}/{name}"))[0] == 503
        assert (await vendor.ask("GET", "/v1/files/x:download?alt=media"))[0] == 404
        assert (await vendor.ask("GET", "/v1/files/x:download?alt=media"))[0] == 403

    async def test_an_aimed_fault_comes_before_one_that_is_not(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.Status(500))
        vendor.sim.then(faults.Status(503), at="start")
        vendor.sim.always(faults.Status(404), at="start")

        assert [(await vendor.start())[0] for _ in range(3)] == [503, 500, 404]
        assert (await vendor.ask("GET", "/v1/models"))[0] == 200

    async def test_polls_may_turn_to_nothing(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        vendor.sim.always(faults.Status(404), at="poll")
        codes = [(await vendor.ask("GET", f"{PATH}/{started['id']}"))[0] for _ in range(2)]

        assert codes == [404, 404]

    async def test_a_cancel_may_never_be_answered(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        vendor.sim.then(faults.Silence(), at="cancel")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")

        assert (await vendor.poll(started["id"]))[0]["status"] == "in_progress"

    async def test_the_file_host_speaks_no_vendors_words(self, vendor: Vendor) -> None:
        with pytest.raises(TypeError, match="bytes travel"):
            vendor.sim.then(faults.Status(500), at="storage")
