"""The endpoints of Gemini, its keys and its errors."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from mediatoolkit.simulator.api_faults import Status
from mediatoolkit.simulator.gemini import envelope, routes, voices
from mediatoolkit.simulator.gemini.catalog import Catalog
from mediatoolkit.simulator.gemini.generation import Generation
from mediatoolkit.simulator.gemini.interactions import Interactions
from mediatoolkit.simulator.gemini.output import Maker
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.gemini.stored import Stored
from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.schema import SchemaError
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor


class Gemini(Vendor):
    """The vendor."""

    name: ClassVar[str] = "gemini"

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Everything that this vendor plays."""
        settings = self.settings
        elsewhere = self.files_origin if settings.redirects else None
        self._catalog = Catalog(settings.models)
        self._stored = Stored(settings.file_host, elsewhere)
        self._generation = Generation(
            catalog=self._catalog,
            studio=settings.pictures,
            sound=settings.sound,
            newline=settings.newline,
        )
        self._interactions = Interactions(
            catalog=self._catalog,
            maker=Maker(studio=settings.pictures, stored=self._stored, film=settings.film),
            looks=settings.looks,
            newline=settings.newline,
        )
        interactions, one = routes.VERSION + "/interactions", "/(?P<id>[^/:]+)"
        model = routes.VERSION + "/models/(?P<model>[^/:]+)"
        talk = _reworded(self._talk)
        return (
            Endpoint("POST", model + ":(?P<verb>generateContent)", "start", _reworded(self._make)),
            Endpoint(
                "POST", model + ":(?P<verb>streamGenerateContent)", "start", _reworded(self._make)
            ),
            Endpoint("GET", routes.MODELS.pattern, "list", _reworded(self._list_models)),
            Endpoint("GET", routes.VOICES.pattern, "list", _reworded(self._list_voices)),
            Endpoint("GET", routes.FILES.pattern, "download", _reworded(self._download)),
            Endpoint("POST", interactions + "(?P<id>)(?P<cancel>)", "start", talk),
            Endpoint("GET", interactions + one + "(?P<cancel>)", "poll", talk),
            Endpoint("DELETE", interactions + one + "(?P<cancel>)", "delete", talk),
            Endpoint("POST", interactions + one + "(?P<cancel>/cancel)", "cancel", talk),
        )

    def error(self, code: int, message: str | None = None) -> HttpResponse:
        """An error in Google's envelope."""
        return envelope.error(code, message)

    def key_error(self, key: str | None) -> HttpResponse:
        """A missing key is 403, a wrong one 400."""
        return envelope.missing_key() if key is None else envelope.bad_key()

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """400 that names the field."""
        return envelope.invalid(str(error), error.path)

    def status_fault(self, fault: Status, request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return envelope.misfortune(fault, routes.model_id(request))

    async def _make(self, call: ApiCall) -> HttpResponse:
        return await self._generation.answer(call.request, call.place, call.fault)

    async def _talk(self, call: ApiCall) -> HttpResponse:
        return await self._interactions.answer(call.request, call.place, call.fault)

    async def _list_models(self, call: ApiCall) -> HttpResponse:
        return self._catalog.listing(call.request, call.place)

    async def _list_voices(self, call: ApiCall) -> HttpResponse:
        voice = call.place["voice"]
        return voices.one(voice) if voice else voices.listing(call.request)

    async def _download(self, call: ApiCall) -> HttpResponse:
        return self._stored.answer(call.request, call.place)


def _reworded(
    respond: Callable[[ApiCall], Awaitable[HttpResponse]],
) -> Callable[[ApiCall], Awaitable[HttpResponse]]:
    async def respond_in_words(call: ApiCall) -> HttpResponse:
        try:
            return await respond(call)
        except InvalidError as error:
            raise RejectedError(envelope.invalid(str(error), error.field)) from error

    return respond_in_words
