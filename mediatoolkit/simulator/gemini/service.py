"""The endpoints of Gemini, its keys and its errors."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from mediatoolkit.simulator.api_faults import ApiFault, Status
from mediatoolkit.simulator.gemini import catalog, envelope
from mediatoolkit.simulator.gemini.batches import BatchService
from mediatoolkit.simulator.gemini.content import ContentService
from mediatoolkit.simulator.gemini.envelope import InvalidError
from mediatoolkit.simulator.gemini.files import GeminiFiles
from mediatoolkit.simulator.gemini.interactions import InteractionService
from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.meter import Meter, Tariff
from mediatoolkit.simulator.schema import Schema, SchemaError
from mediatoolkit.simulator.vendor import Endpoint, Vendor

_VERSION = "/(?P<version>v1|v1beta|v1alpha)"
# Every recorded response has these; none has a request id.
_HEADERS: Mapping[str, str] = {
    "Vary": "Origin, X-Origin, Referer",
    "Server": "scaffolding on HTTPServer2",
    "Server-Timing": "gfet4t7; dur=25",
    "X-Content-Type-Options": "nosniff",
}
_TIERS = {"flex", "standard", "priority"}


class Gemini(Vendor):
    """The Gemini Developer API."""

    name: ClassVar[str] = "gemini"

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Everything that this vendor plays."""
        settings, here = self.settings, Path(__file__).parent
        schema = Schema.load(here / "content.json", protobuf=True)
        models = catalog.GeminiCatalog(settings.models, settings.ended)
        redirect = self._redirected if settings.redirects else None
        files = GeminiFiles(settings.file_host, schema, self.origin, redirect)
        prices = json.loads((here / "prices.json").read_text(encoding="utf-8"))
        tariff = Tariff(self.name, prices, settings.day)
        content = ContentService(settings, models, files, schema, tariff)
        interactions = InteractionService(
            settings, models, files, Schema.load(here / "interactions.json"), tariff
        )
        batches = BatchService(settings, models, files, schema, self.respond)
        model = f"{_VERSION}/models/(?P<model>[^/:]+)"
        verb = ":(?P<verb>generateContent|streamGenerateContent)"
        return (
            Endpoint("POST", model + verb, "start", content.respond),
            Endpoint("GET", f"{_VERSION}/models", "list", models.list_models),
            Endpoint("GET", model, "list", models.show_model),
            Endpoint("GET", f"{_VERSION}/voices", "list", catalog.list_voices),
            Endpoint("GET", f"{_VERSION}/voices/(?P<voice>[^/:]+)", "list", catalog.show_voice),
            *files.endpoints(_VERSION),
            *interactions.endpoints(_VERSION),
            *batches.endpoints(_VERSION),
        )

    async def respond(
        self, request: Request, fault: ApiFault | None, meter: Meter | None = None
    ) -> HttpResponse:
        """Answer *request*, under *fault*, with the headers that every response has."""
        try:
            response = await super().respond(request, fault, meter)
        except InvalidError as error:
            response = self._invalid(error, request)
        headers = {**_HEADERS, "X-Gemini-Service-Tier": _tier(request), **response.headers}
        return HttpResponse(response.body, response.status, headers, response.cuts)

    def admit(self, request: Request) -> None:
        """Turn down a missing or wrong key; the address of an upload is its own key."""
        if "upload_id" not in request.query:
            super().admit(request)

    def error(self, code: int, message: str | None = None) -> HttpResponse:
        """An error in Google's envelope."""
        return envelope.error(code, message)

    def key_error(self, key: str | None) -> HttpResponse:
        """A missing key is 403, a wrong one 400."""
        return envelope.missing_key() if key is None else envelope.bad_key()

    def schema_error(self, error: SchemaError, request: Request) -> HttpResponse:
        """400 that names the field."""
        worded = envelope.misfit(error, supported=_is_interaction(request))
        return self._invalid(worded, request)

    def status_fault(self, fault: Status, request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return envelope.status_fault(fault, _model_id(request))

    def _invalid(self, error: InvalidError, request: Request) -> HttpResponse:
        if _is_interaction(request):
            return envelope.word_error("invalid_request", str(error))
        return envelope.invalid(error)

    def _redirected(self, name: str, path: str) -> str:
        """Where the download of the file *name* leads, or the one at *path* of the file host."""
        if self.settings.redirects == "same":
            return f"{self.origin()}/download/v1beta/files/{name}:download?alt=media"
        return self.files_origin() + path


def _is_interaction(request: Request) -> bool:
    return "/interactions" in request.path


def _tier(request: Request) -> str:
    """The service tier that *request* asks for."""
    fields = request.body if isinstance(request.body, dict) else {}
    tier = fields.get("serviceTier", fields.get("service_tier"))
    return tier if isinstance(tier, str) and tier in _TIERS else "standard"


def _model_id(request: Request) -> str:
    """The model that *request* names, or an empty string."""
    _, named, rest = request.path.partition("/models/")
    if named:
        return rest.partition(":")[0]
    model = request.body.get("model") if isinstance(request.body, dict) else None
    return model if isinstance(model, str) else ""
