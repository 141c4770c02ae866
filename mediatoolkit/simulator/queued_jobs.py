"""Jobs in the queue of a vendor that runs many makers' models: pictures, films and sound.

Paths, fields, states and errors are each vendor's own.
"""

import asyncio
import base64
import binascii
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from mediatoolkit.simulator.api_faults import (
    ApiFault,
    BadPicture,
    EndsAs,
    PromptBlocked,
    StreamError,
)
from mediatoolkit.simulator.broken_media import broken_base64
from mediatoolkit.simulator.films import FilmOrder, shoot
from mediatoolkit.simulator.hosting import HostedFile
from mediatoolkit.simulator.meter import BilledRequest
from mediatoolkit.simulator.mp3 import mp3
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.sounds import RATE, Utterance, speak, wav
from mediatoolkit.simulator.vendor import Settings

Kind = Literal["image", "video", "speech"]
Job = TypeVar("Job", bound="QueuedJob")

_KINDS: dict[Kind, str] = {"video": "video|film", "speech": "tts|speech|voice|audio|sound|music"}
_WAITING = {"in_queue", "starting"}
_RUNNING = {"in_progress", "processing"} | _WAITING
_GOOD = {"completed", "succeeded"}
_DATA_URI = re.compile(r"data:[\w/+.-]*;base64,(.*)", re.DOTALL)
_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg", "webp": "image/webp"}


_NOTHING: Mapping[str, bytes] = {}


class InputError(Exception):
    """A file among the inputs that is none, or cannot be had.

    Attributes:
        name: The field that names it.
    """

    def __init__(self, name: str, message: str) -> None:
        """Keep the field and the sentence."""
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a job is to make.

    Attributes:
        kind: Of media.
        text: What is seen or heard.
        width: Pixels.
        height: Pixels.
        count: How many pictures.
        seed: Another one gives others; None is any.
        references: Pictures to start from.
        form: `png`, `jpeg` or `webp`; `mp3` or `wav`; `mp4`.
        seconds: Of a film.
        voice: Who speaks.
    """

    kind: Kind
    text: str
    width: int = 1024
    height: int = 1024
    count: int = 1
    seed: int | None = None
    references: tuple[bytes, ...] = ()
    form: str = "png"
    seconds: float = 2.0
    voice: str = ""


class Made(NamedTuple):
    """A file that a job has made, and where it lies."""

    url: str
    data: bytes
    mime_type: str


@dataclass(eq=False, slots=True, kw_only=True)
class QueuedJob:
    """One job.

    Attributes:
        id: By which the vendor is asked for it.
        model: Whose work it is.
        inputs: As they came.
        order: What it is to make; None where it is bound to fail.
        bill: What it costs when it is done.
        looks: How many polls find it unfinished.
        fate: The fault that was asked for with its start, or what it is bound to fail of.
        flagged: Whether a checker finds fault with its pictures, which come all the same.
        polls: How many there were.
        made: What it has made.
        end: What it ended by, where it has not come to a good end.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    model: str
    inputs: Mapping[str, Any]
    order: Order | None
    bill: BilledRequest
    looks: int
    fate: ApiFault | Exception | None
    flagged: bool = False
    polls: int = 0
    made: tuple[Made, ...] | None = None
    end: ApiFault | Exception | None = None

    @property
    def runs(self) -> bool:
        """Whether it is neither done nor otherwise at its end."""
        return self.made is None and self.end is None

    @property
    def waits(self) -> bool:
        """Whether nothing of it is done."""
        fate = self.fate
        never_begins = isinstance(fate, EndsAs) and fate.status.lower() in _WAITING
        return self.runs and (never_begins or self.polls < min(2, max(1, self.looks)))

    @property
    def steps(self) -> Iterator[str]:
        """What it has told of its progress, line by line."""
        total = self.looks + 1
        done = total if self.made is not None else min(self.polls, self.looks)
        last = range(max(1, done - 9), done + 1)
        return (f"step {step}/{total}" for step in last) if not self.waits else iter(())


class JobQueue(Generic[Job]):
    """The jobs of one vendor, and their bills."""

    def __init__(self, settings: Settings, files_origin: Callable[[], str]) -> None:
        """Begin without one."""
        self._settings = settings
        self._files_origin = files_origin
        self._jobs: dict[str, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        """The jobs, in their order."""
        return iter(self._jobs.values())

    def find(self, name: str) -> Job | None:
        """The job of that name."""
        return self._jobs.get(name)

    def start(self, job: Job) -> None:
        """Begin *job*, whose bill is due when it is done."""
        self._jobs[job.id] = job
        self._settings.meter.begin(job.id, job.bill)

    async def look(self, job: Job, fault: ApiFault | None = None) -> None:
        """Take one poll into account, or one that ends the work now."""
        job.polls += 1
        decided = isinstance(fault, EndsAs)
        if job.runs and (decided or job.polls > job.looks):
            await self.finish(job, fault if decided else job.fate)

    async def finish(self, job: Job, fate: ApiFault | Exception | None) -> None:
        """Bring *job* to the end that *fate* says, or to a good one."""
        if isinstance(fate, StreamError):
            fate = EndsAs("failed", message=fate.message)
        if isinstance(fate, EndsAs) and fate.status.lower() in _RUNNING:
            return
        if isinstance(fate, EndsAs) and fate.status.lower() in _GOOD:
            job.made = ()
            self._settings.meter.finish(job.id)
        elif isinstance(fate, EndsAs | PromptBlocked | Exception) or job.order is None:
            self.end(job, fate)
        else:
            made = await self._make(job.order, fate)
            # It may have been cancelled meanwhile, or finished by another poll.
            if job.runs:
                job.made = made
                self._settings.meter.finish(job.id)

    def end(self, job: Job, end: ApiFault | Exception | None) -> None:
        """End *job* without a result, unless it has come to its end; nothing is billed."""
        if job.runs:
            job.end = end or EndsAs("failed")
            self._settings.meter.drop(job.id)

    def keep(self, file: HostedFile) -> str:
        """Lay *file* where everybody can fetch it; its URL comes back."""
        return self._files_origin() + self._settings.file_host.host(file)

    async def references(
        self, inputs: Mapping[str, Any], uploaded: Mapping[str, bytes] = _NOTHING
    ) -> tuple[bytes, ...]:
        """The pictures among *inputs*, each once.

        Args:
            inputs: The fields; those with `image` in their names may hold pictures.
            uploaded: Files of the vendor by their URLs.

        Raises:
            InputError: One is no picture, or cannot be had.
        """
        found = []
        for name, value in inputs.items():
            if "image" not in name or name.endswith("_size"):
                continue
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, str):
                    found.append(uploaded.get(each) or self._fetched(name, each))
                    await self._check(name, found[-1])
        return tuple(dict.fromkeys(found))

    async def _check(self, name: str, data: bytes) -> None:
        try:
            await self._settings.pictures.look(data)
        except NotAPictureError as error:
            raise InputError(name, "Failed to load the image.") from error

    def _fetched(self, name: str, url: str) -> bytes:
        """The bytes at *url*: a data URI, or an address at the file host."""
        uri = _DATA_URI.fullmatch(url)
        if uri is not None:
            try:
                return base64.b64decode(uri[1], validate=True)
            except binascii.Error as error:
                raise InputError(name, "The data URI is not base64.") from error
        file = None
        if url.startswith(self._files_origin() + "/"):
            file = self._settings.file_host.find(urlsplit(url).path)
        if file is None:
            raise InputError(name, "Failed to download the file.")
        return file.data

    async def _make(self, order: Order, fault: ApiFault | Exception | None) -> tuple[Made, ...]:
        if order.kind == "image":
            pictures = [await self._drawn(order, number, fault) for number in range(order.count)]
            return tuple(self._hosted(data, _TYPES[order.form]) for data in pictures)
        if order.kind == "video":
            return (self._hosted(await self._shot(order), "video/mp4"),)
        samples = await asyncio.to_thread(speak, [Utterance(order.text, order.voice)])
        is_mp3 = order.form == "mp3"
        data = await asyncio.to_thread(mp3 if is_mp3 else _wav, samples)
        return (self._hosted(data, "audio/mpeg" if is_mp3 else "audio/wav"),)

    async def _drawn(self, order: Order, number: int, fault: ApiFault | Exception | None) -> bytes:
        form = order.form.upper().replace("JPG", "JPEG")
        seed = None if order.seed is None else order.seed + number
        size = (order.width, order.height)
        picture = PictureOrder(order.text, *size, seed, order.references, form, exact=True)
        data = (await self._settings.pictures.make(picture)).data
        if isinstance(fault, BadPicture) and fault.kind not in _SPELLINGS:
            return base64.b64decode(broken_base64(base64.b64encode(data).decode(), fault.kind))
        return data

    async def _shot(self, order: Order) -> bytes:
        if self._settings.film is not None:
            return self._settings.film
        size = (order.width, order.height)
        picture = PictureOrder(order.text, *size, order.seed, order.references)
        data = (await self._settings.pictures.make(picture)).data
        film = FilmOrder(order.text, data, *size, order.seconds)
        return await asyncio.to_thread(shoot, film)

    def _hosted(self, data: bytes, mime_type: str) -> Made:
        return Made(self.keep(HostedFile(data, mime_type)), data, mime_type)


_SPELLINGS = {"bad_base64", "escaped_base64", "urlsafe_base64", "spaced_base64"}


def kind_of(model: str) -> Kind:
    """What a model makes of which nothing but its name is known."""
    kinds = (kind for kind, words in _KINDS.items() if re.search(words, model))
    return next(kinds, "image")


def form_of(kind: Kind, value: Any, usual: str) -> str:
    """The format that a field asks for, where that kind of media has it, else the *usual* one."""
    forms = {"image": set(_TYPES), "speech": {"mp3", "wav"}, "video": {"mp4"}}
    return value if value in forms[kind] else usual


def seconds_of(value: Any, usual: float = 2.0) -> float:
    """Seconds that a field such as `5`, `"5"` or `"5s"` says."""
    return float(str(value).removesuffix("s")) if value is not None else usual


def _wav(samples: bytes) -> bytes:
    return wav(samples, rate=RATE)
