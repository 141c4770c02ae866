"""What the vendors after OpenAI's example share: models, prices, references, films in the works.

Paths, fields and errors are each vendor's own. The JSON beside a vendor's module has its schemas
under `$defs`, its `models` (what each one `makes`, and what else the vendor needs to know), and its
`prices`: USD for a million of a unit.
"""

import asyncio
import base64
import math
import re
import time
import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, ClassVar, NoReturn

from mediatoolkit.simulator.api_faults import (
    ApiFault,
    BadPicture,
    EndsAs,
    Moderated,
    PictureAs,
    PromptBlocked,
    StreamError,
)
from mediatoolkit.simulator.films import FilmOrder, shoot
from mediatoolkit.simulator.hosting import HostedFile
from mediatoolkit.simulator.http import FormPart, HttpResponse, Request
from mediatoolkit.simulator.meter import BilledRequest, Tariff
from mediatoolkit.simulator.mp3 import mp3
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import Schema
from mediatoolkit.simulator.sounds import RATE, Utterance, speak, wav
from mediatoolkit.simulator.vendor import ApiCall, RejectedError, Settings, Vendor

_RUNNING = {"queued", "pending", "in_progress", "running"}  # in any vendor's words
_DATA_URL = re.compile(r"data:[\w/+.-]+;base64,(.*)", re.DOTALL)
_KINDS = {"speech": "tts|speech|voice", "video": "video|film|omni|veo"}  # by a model's name
_SOUND_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/pcm"}


def pixels(aspect: str, area: float, step: int = 16) -> tuple[int, int]:
    """Width and height of about *area* pixels, such as 1024 * 1024, multiples of *step*."""
    across, down = map(float, aspect.split(":"))
    sides = (math.sqrt(area * across / down), math.sqrt(area * down / across))
    width, height = (max(step, round(side / step) * step) for side in sides)
    return width, height


def pixels_of(size: str) -> tuple[int, int] | None:
    """Width and height that a text such as `1024x768` names, or None."""
    sides = re.fullmatch(r"([1-9]\d{1,3})x([1-9]\d{1,3})", size)
    return None if sides is None else (int(sides[1]), int(sides[2]))


async def spoken(utterances: Sequence[Utterance], form: str, rate: int = RATE) -> bytes:
    """Speech as `mp3`, `wav`, or samples of 16 bits for any other *form*."""
    samples = await asyncio.to_thread(speak, utterances, rate)
    if form == "mp3":
        return mp3(samples, rate)
    return wav(samples, rate=rate) if form == "wav" else samples


def pieces(data: bytes) -> list[bytes]:
    """*data* as a stream brings it, in at least four pieces; no sample is cut."""
    size = max(4, min(9600, len(data) // 4)) // 4 * 4
    return [data[start : start + size] for start in range(0, len(data), size)]


def sound_response(data: bytes, form: str, **headers: str) -> HttpResponse:
    """Speech as the body of a response; further *headers* are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(data, 200, {"Content-Type": _SOUND_TYPES[form], **named})


@dataclass(eq=False, slots=True, kw_only=True)
class Film:
    """A film in the works.

    Attributes:
        id: By which the vendor is asked for it.
        picture: What is seen; its text is heard.
        seconds: Duration.
        bill: What it costs when it is done.
        looks: How many polls find it unfinished.
        fate: The fault that was asked for with its start, or None.
        facts: What the vendor says of it, whatever its state.
        polls: How many there were.
        data: The finished film.
        url: Where the film lies, once somebody has asked.
        end: The other end it has come to.
        word: The vendor's word for its state that a fault orders while it runs, or None.
        created: Seconds since 1970.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    picture: PictureOrder
    seconds: float
    bill: BilledRequest
    looks: int
    fate: ApiFault | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    polls: int = 0
    data: bytes | None = None
    url: str = ""
    end: EndsAs | None = None
    word: str | None = None
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def runs(self) -> bool:
        """Whether it is neither finished nor otherwise at its end."""
        return self.data is None and self.end is None

    @property
    def progress(self) -> int:
        """Percent."""
        return 100 if self.data is not None else 100 * self.polls // (self.looks + 1)

    def status(self, waiting: str, running: str, done: str) -> str:
        """The vendor's word for its state; any other end has the word of the fault."""
        if self.end is not None:
            return self.end.status
        if self.word is not None:
            return self.word
        if self.data is not None:
            return done
        return waiting if self.polls < min(2, max(1, self.looks)) else running


class Films:
    """The films of one vendor, and their bills."""

    def __init__(self, settings: Settings) -> None:
        """Begin without one."""
        self._settings = settings
        self._films: dict[str, Film] = {}

    def __getitem__(self, name: str) -> Film:
        """A film that was begun."""
        return self._films[name]

    def __iter__(self) -> Iterator[Film]:
        """Every film that was begun, in order."""
        return iter(list(self._films.values()))

    def start(self, film: Film) -> None:
        """Begin *film*, whose bill is due when it is done."""
        self._films[film.id] = film
        self._settings.meter.begin(film.id, film.bill)

    async def look(self, film: Film, fault: ApiFault | None) -> None:
        """Take one poll into account, or one that ends the work now."""
        film.polls += 1
        film.word = None
        decided = isinstance(fault, EndsAs | Moderated)
        if film.runs and (decided or film.polls > film.looks):
            await self._finish(film, fault if decided else film.fate)

    def cancel(self, film: Film, word: str = "cancelled") -> None:
        """End *film*, unless it has come to its end; nothing is billed."""
        if film.runs:
            film.end = EndsAs(word)
            self._settings.meter.drop(film.id)

    def drop(self, film: Film) -> None:
        """Forget *film*; work that runs is cancelled."""
        self.cancel(film)
        del self._films[film.id]

    async def _finish(self, film: Film, fate: ApiFault | None) -> None:
        match fate:
            case EndsAs(status) if status in _RUNNING:
                film.word = status
            case EndsAs():
                film.end = fate
                self._settings.meter.drop(film.id)
            case Moderated(form):
                film.end = EndsAs("moderated", code=form)
                self._settings.meter.finish(film.id)
            case _:
                data = await self.shoot(film)
                # It may have been cancelled meanwhile, or finished by another poll.
                if film.runs:
                    film.data = data
                    self._settings.meter.finish(film.id)

    async def shoot(self, film: Film) -> bytes:
        """Make *film* at once."""
        if self._settings.film is not None:
            return self._settings.film
        order = film.picture
        picture = await self._settings.pictures.make(order)
        shot = FilmOrder(order.text, picture.data, order.width, order.height, film.seconds)
        return await asyncio.to_thread(shoot, shot)


class OpenAIShaped(Vendor):
    """A vendor after OpenAI's example."""

    data: ClassVar[Mapping[str, Any]]

    def __init__(
        self, settings: Settings, origin: Callable[[], str], files_origin: Callable[[], str]
    ) -> None:
        """Read the schemas and the prices."""
        self.schema = Schema(self.data["$defs"])
        self.tariff = Tariff(self.name, self.data["prices"], settings.day)
        self.films = Films(settings)
        self.numbers = count(1)
        super().__init__(settings, origin, files_origin)

    @abstractmethod
    def blocked(self, fault: PromptBlocked, fields: Mapping[str, Any]) -> HttpResponse:
        """The content policy's error."""

    @abstractmethod
    def no_model(self, model: str) -> HttpResponse:
        """The error for a model that is unknown, or does not do this."""

    def reject(self, message: str, code: int = 400) -> NoReturn:
        """Answer with an error.

        Raises:
            RejectedError: Always.
        """
        raise RejectedError(self.error(code, message))

    def refuse_unplayed(self, what: str) -> NoReturn:
        """Say that the simulator, and not the vendor, cannot do this.

        Raises:
            RejectedError: Always, with 501.
        """
        self.reject(f"The simulator does not play {what}.", 501)

    def read(self, call: ApiCall, name: str, *, policy: bool = True) -> Any:
        """The body of *call* by the schema *name*; with *policy*, it is judged as well.

        Raises:
            SchemaError: It does not fit.
            RejectedError: It is no JSON object, or a fault refuses it.
        """
        if not isinstance(call.request.body, dict):
            self.reject("The body must be a JSON object.")
        fields = self.schema.read(call.request.body, name)
        if policy:
            self.judge(call.fault, fields)
        return fields

    def judge(self, fault: ApiFault | None, fields: Mapping[str, Any]) -> None:
        """Refuse where *fault* orders it.

        Raises:
            RejectedError: It does.
        """
        match fault:
            case PromptBlocked():
                raise RejectedError(self.blocked(fault, fields))
            case StreamError(code, message):
                self.reject(message, code)

    def model(self, model: str, kind: str) -> Mapping[str, Any]:
        """What is known of *model*, which is to make pictures, speech or films.

        Raises:
            RejectedError: It is unknown, or does not.
        """
        models: Mapping[str, Mapping[str, Any]] = self.data["models"]
        further = model in self.settings.models
        if (model not in models or model in self.settings.ended) and not further:
            raise RejectedError(self.no_model(model))
        facts = models.get(model) or {"makes": _kind_of(model)}
        if facts["makes"] != kind:
            raise RejectedError(self.no_model(model))
        return facts

    def bill(self, call: ApiCall, model: str, units: Mapping[str, int]) -> float:
        """Bill *units* of *model*, in USD."""
        record = self.tariff.bill(model, call.request.path, units)
        call.meter.add(record)
        return float(record.usd)

    def start_film(
        self,
        call: ApiCall,
        model: str,
        picture: PictureOrder,
        *,
        seconds: float,
        units: Mapping[str, int],
        **told: Any,
    ) -> Film:
        """Begin a film that is billed for *units*; *told* are further attributes of a `Film`."""
        bill = self.tariff.bill(model, call.request.path, units)
        looks, fate = self.settings.looks, call.fault
        film = Film(picture=picture, seconds=seconds, bill=bill, looks=looks, fate=fate, **told)
        self.films.start(film)
        return film

    def find_film(self, call: ApiCall, missing: str) -> Film:
        """The film that the path of *call* names.

        Raises:
            RejectedError: There is none: 404, with the words *missing*.
        """
        try:
            return self.films[call.match["id"]]
        except KeyError:
            self.reject(missing, 404)

    async def references(self, addresses: Iterable[str], name: str) -> tuple[bytes, ...]:
        """The pictures at *addresses*; one that lies elsewhere is taken, and not seen.

        Raises:
            RejectedError: One is no address, or no picture.
        """
        seen = []
        for address in addresses:
            inline = _DATA_URL.fullmatch(address)
            if inline is None:
                if not re.match(r"https?://.", address):
                    self.reject(f"{name} must be a URL or a data URL.")
                continue
            try:
                seen.append(base64.b64decode(inline[1], validate=True))
                await self.settings.pictures.look(seen[-1])
            except (ValueError, NotAPictureError):
                self.reject(f"{name} is not a valid image.")
        return tuple(seen)

    async def base64(self, order: PictureOrder, fault: ApiFault | None) -> str:
        """A picture in base64; *fault* may spoil it."""
        return await self.settings.pictures.base64(_as(order, fault), fault)

    async def hosted(self, order: PictureOrder, fault: ApiFault | None) -> tuple[str, str]:
        """The address of a picture at the file host, and its type; *fault* may spoil it."""
        in_letters = isinstance(fault, BadPicture) and fault.kind.endswith("base64")
        text = await self.base64(order, None if in_letters else fault)
        mime_type = f"image/{_as(order, fault).format.lower()}"
        return self.address(base64.b64decode(text), mime_type), mime_type

    def film_url(self, film: Film) -> str:
        """The address of a finished film at the file host; it stays the same."""
        film.url = film.url or self.address(film.data or b"", "video/mp4")
        return film.url

    def address(self, data: bytes, mime_type: str) -> str:
        """An address of *data* at the file host, where no key is needed."""
        return self.files_origin() + self.settings.file_host.host(HostedFile(data, mime_type))


class OwnServerDialect(OpenAIShaped):
    """A server of one's own: no key, no rate, no content policy, and nothing to pay."""

    needs_key: ClassVar[bool] = False

    def limit(self, request: Request) -> None:
        """Take any number."""

    def judge(self, fault: ApiFault | None, fields: Mapping[str, Any]) -> None:
        """Refuse where *fault* orders an error; there is no policy."""
        if not isinstance(fault, PromptBlocked):
            super().judge(fault, fields)

    def blocked(self, fault: PromptBlocked, fields: Mapping[str, Any]) -> HttpResponse:
        """It never comes to this."""
        raise NotImplementedError

    def served(self, fields: Mapping[str, Any], kind: str) -> str:
        """The model of *fields*, or the first one that makes *kind*."""
        models = self.data["models"]
        model = fields.get("model") or next(
            each for each in models if models[each]["makes"] == kind
        )
        self.model(model, kind)
        return str(model)


def split_form(parts: Sequence[FormPart]) -> tuple[dict[str, str], list[FormPart]]:
    """The texts and the files of a form."""
    texts = {part.name: part.text for part in parts if part.filename is None}
    return texts, [part for part in parts if part.filename is not None]


def _as(order: PictureOrder, fault: ApiFault | None) -> PictureOrder:
    return replace(order, format=fault.format.upper()) if isinstance(fault, PictureAs) else order


def _kind_of(model: str) -> str:
    """What a model does whose name alone is known."""
    found = (kind for kind, words in _KINDS.items() if re.search(words, model, re.IGNORECASE))
    return next(found, "image")
