"""From a request to Google's answer."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass

from mediatoolkit.simulator.files import FileHost
from mediatoolkit.simulator.gemini import envelope, misspoken, routes, voices
from mediatoolkit.simulator.gemini.catalog import Catalog
from mediatoolkit.simulator.gemini.envelope import RefusedError
from mediatoolkit.simulator.gemini.generation import Generation
from mediatoolkit.simulator.gemini.interactions import Interactions
from mediatoolkit.simulator.gemini.models import VERBS
from mediatoolkit.simulator.gemini.output import Maker
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.gemini.stored import Stored
from mediatoolkit.simulator.pictures import Studio
from mediatoolkit.simulator.spoken import EchoKey, Garbage, SoundForm, Spoken, Status
from mediatoolkit.simulator.wire import Answer, Request

_BODY_CAP = 100 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a vendor can be told.

    Attributes:
        studio: Makes the pictures.
        host: Serves files without a key.
        elsewhere: Origin of that host when downloads lead there, else None.
        key: The only accepted key; None accepts every one.
        extra: Ids of further models.
        sound: Form of the speech.
        film: Handed out for every film instead of making one.
        looks: How many polls find work in the background unfinished.
        gzip: Answers are packed when the request accepts it.
        newline: Line end of event streams.
    """

    studio: Studio
    host: FileHost
    elsewhere: Callable[[], str] | None
    key: str | None
    extra: tuple[str, ...]
    sound: SoundForm
    film: bytes | None
    looks: int
    gzip: bool
    newline: str


class Gemini:
    """The vendor."""

    def __init__(self, settings: Settings) -> None:
        """Lay out the services."""
        self._key, self._gzip = settings.key, settings.gzip
        self._catalog = Catalog(settings.extra)
        self._stored = Stored(settings.host, settings.elsewhere)
        maker = Maker(studio=settings.studio, stored=self._stored, film=settings.film)
        self._generation = Generation(
            catalog=self._catalog,
            studio=settings.studio,
            sound=settings.sound,
            newline=settings.newline,
        )
        self._interactions = Interactions(
            catalog=self._catalog, maker=maker, looks=settings.looks, newline=settings.newline
        )

    async def answer(self, request: Request, fault: Spoken | None) -> Answer:
        """Answer *request*, under *fault*."""
        try:
            answer = await self._answer(request, fault)
        except RefusedError as refused:
            answer = refused.answer
        except InvalidError as bad:
            answer = envelope.invalid(str(bad), bad.field)
        if self._gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers = {**answer.headers, "Content-Encoding": "gzip"}
            return Answer(gzip.compress(answer.body, 1), answer.status, headers)
        return answer

    async def _answer(self, request: Request, fault: Spoken | None) -> Answer:
        match fault:
            case Status():
                return envelope.misfortune(fault, routes.model_id(request))
            case EchoKey(code):
                return envelope.error(code, f"The key {request.key} must not be used here.")
            case Garbage():
                return misspoken.garbage(fault)
        self._check(request)
        if place := routes.INTERACTIONS.fullmatch(request.path):
            return await self._interactions.answer(request, place, fault)
        place = routes.MODELS.fullmatch(request.path)
        if request.method == "POST" and place and place["verb"] in VERBS:
            return await self._generation.answer(request, place, fault)
        if request.method == "GET":
            return self._looked_up(request)
        raise RefusedError(envelope.error(404))

    def _check(self, request: Request) -> None:
        if request.key is None:
            raise RefusedError(envelope.missing_key())
        if self._key is not None and request.key != self._key:
            raise RefusedError(envelope.bad_key())
        if int(request.headers.get("Content-Length", 0)) > _BODY_CAP:
            raise RefusedError(envelope.error(413))

    def _looked_up(self, request: Request) -> Answer:
        place = routes.MODELS.fullmatch(request.path)
        if place and place["verb"] is None:
            return self._catalog.listing(request, place)
        if place := routes.VOICES.fullmatch(request.path):
            return voices.one(place["voice"]) if place["voice"] else voices.listing(request)
        if place := routes.FILES.fullmatch(request.path):
            return self._stored.answer(request, place)
        raise RefusedError(envelope.error(404))
