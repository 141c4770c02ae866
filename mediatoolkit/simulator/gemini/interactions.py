"""The Interactions API: work in the background, looked after by polls."""

import re
from dataclasses import dataclass, field
from typing import Any

from mediatoolkit.simulator.api_faults import ApiFault, PromptBlocked, Status, StreamError, TextOnly
from mediatoolkit.simulator.gemini import envelope, events, wanted
from mediatoolkit.simulator.gemini.catalog import Catalog
from mediatoolkit.simulator.gemini.envelope import said
from mediatoolkit.simulator.gemini.faults import EndsAs, ResultAt, Stumbles
from mediatoolkit.simulator.gemini.interaction import Interaction
from mediatoolkit.simulator.gemini.output import Maker
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.vendor import RejectedError

_ENDS = (EndsAs, ResultAt, TextOnly)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """Answers everything about interactions.

    Attributes:
        catalog: The served models.
        maker: Makes the results.
        looks: How many polls find work in the background unfinished.
        newline: Line end of event streams.
    """

    catalog: Catalog
    maker: Maker
    looks: int
    newline: str
    _known: dict[str, Interaction] = field(default_factory=dict, init=False, repr=False)

    async def answer(
        self, request: Request, place: re.Match[str], fault: ApiFault | None
    ) -> HttpResponse:
        """HttpResponse *request* at *place*.

        Raises:
            RejectedError: The service would refuse it.
        """
        try:
            return await self._answer(request, place, fault)
        except InvalidError as bad:
            raise RejectedError(envelope.worded("invalid_request", str(bad))) from bad

    async def _answer(
        self, request: Request, place: re.Match[str], fault: ApiFault | None
    ) -> HttpResponse:
        match request.method, place["id"] or None, bool(place["cancel"]):
            case "POST", None, False:
                return await self._start(request, fault)
            case "GET", str(name), False:
                return await self._look(self._find(name), request, fault)
            case "POST", str(name), True:
                return _cancel(self._find(name), fault)
            case "DELETE", str(name), False:
                del self._known[self._find(name).id]
                return said({})
            case _:
                raise RejectedError(envelope.error(404))

    def _find(self, name: str) -> Interaction:
        if name not in self._known:
            raise InvalidError("Invalid interaction name.")
        return self._known[name]

    async def _start(self, request: Request, fault: ApiFault | None) -> HttpResponse:
        parsed = wanted.parse(request.body)
        model = self.catalog.get(parsed["model"])
        if model is None:
            missing = f"Model {parsed['model']} is not found."
            raise RejectedError(envelope.worded("not_found", missing, 404))
        asked = wanted.read(parsed, model)
        await self.maker.check(asked)
        self._check_previous(asked.previous)
        if isinstance(fault, PromptBlocked):
            words = fault.message or "The prompt was blocked by our safety policy."
            raise InvalidError(words)
        if isinstance(fault, StreamError) and not asked.stream:
            status = Status(fault.code, message=fault.message)
            raise RejectedError(envelope.misfortune(status, model.id))
        made = Interaction(asked, request.body["input"], self.looks, fault)
        self._known[made.id] = made
        if not asked.background:
            await self._finish(made, fault)
        return self._told(made, fault) if asked.stream else said(made.body())

    def _check_previous(self, name: str | None) -> None:
        if name is not None and not self._find(name).wanted.store:
            raise InvalidError("Invalid interaction name: it was not stored.")

    async def _look(
        self, interaction: Interaction, request: Request, fault: ApiFault | None
    ) -> HttpResponse:
        if interaction.stumbles > 0:
            interaction.stumbles -= 1
            raise RejectedError(_stumble(interaction))
        told = fault if isinstance(fault, _ENDS) else None
        if interaction.runs and (interaction.looks <= 0 or told):
            await self._finish(interaction, told or interaction.fate)
        interaction.looks -= 1
        if request.query.get("stream") == "true":
            return self._told(interaction, fault, request.query.get("last_event_id"))
        shown = request.query.get("include_input") == "true"
        return said(interaction.body(include_input=shown))

    async def _finish(self, interaction: Interaction, fate: ApiFault | None) -> None:
        match fate:
            case EndsAs(status, message=message, code=code):
                interaction.fail(status, code, message)
            case TextOnly(text):
                interaction.end("completed", {"type": "text", "text": text})
            case _:
                await self._complete(interaction, fate)

    async def _complete(self, interaction: Interaction, fate: ApiFault | None) -> None:
        output = await self.maker.make(interaction.wanted)
        if not interaction.runs:
            return  # cancelled meanwhile, or finished by another poll
        if isinstance(fate, ResultAt):
            content = {**output.facts, "uri": fate.uri}
        else:
            content = self.maker.delivered(output, interaction.wanted)
        interaction.end("completed", content, output)

    def _told(
        self, interaction: Interaction, fault: ApiFault | None, after: str | None = None
    ) -> HttpResponse:
        told = interaction.events()
        ids = [event["event_id"] for event in told]
        if after is not None and after not in ids:
            raise InvalidError("Invalid last_event_id.")
        if isinstance(fault, StreamError):
            told = [*told[:3], _broken(fault)]
        return events.named(told[ids.index(after) + 1 if after else 0 :], self.newline)


def _cancel(interaction: Interaction, fault: ApiFault | None) -> HttpResponse:
    if isinstance(fault, EndsAs):
        return said({"id": interaction.id, "status": fault.status})
    if not interaction.runs:
        raise InvalidError(f"Interaction {interaction.id} is not running.")
    interaction.end("cancelled")
    return said({"id": interaction.id, "status": "cancelled"})


def _stumble(interaction: Interaction) -> HttpResponse:
    """What a poll hears of work that is going on all the same; as seen of the real service."""
    code = interaction.fate.code if isinstance(interaction.fate, Stumbles) else 403
    worded = {
        400: ("invalid_request", f"Invalid interaction name: interactions/{interaction.id}"),
        403: (
            "permission_denied",
            "There was a problem processing your request. You will not be charged.",
        ),
        404: ("not_found", "Requested entity was not found."),
    }
    if code in worded:
        return envelope.worded(*worded[code], code)
    return envelope.error(code)


def _broken(fault: StreamError) -> dict[str, Any]:
    word = envelope.error_body(fault.code)["error"]["status"].lower()
    return {"event_type": "error", "error": {"code": word, "message": fault.message}}
