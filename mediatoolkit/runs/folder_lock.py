"""Which process writes to the folder of a run where the storage has no locks, as an object store.

A small file names the owner and the time until which it counts. The owner writes it anew before
that, and whoever finds one that no longer counts, or whose process is known to be gone, takes its
place. Two that come at the same moment may both think so until the first of them looks again; the
clocks of machines that share a run must agree to half a minute.
"""

import json
import logging
import secrets
import threading
import time
from typing import Any

from mediatoolkit.errors import StorageError
from mediatoolkit.runs.ledger import taken
from mediatoolkit.runtime import owners
from mediatoolkit.runtime.url_files import UrlFiles

SECONDS = 90.0
"""How long a lock counts after it was written."""

_NAME = "owner.json"
_RENEWALS = 4  # while one lock counts
_LARGEST = 4096  # bytes of the file
_log = logging.getLogger(__name__)


class FolderLock:
    """The right to write to the folder of a run.

    Args:
        files: Of the folder.
        name: Of the run, for messages.
        seconds: How long it counts after it was written.
    """

    def __init__(self, files: UrlFiles, name: str, seconds: float = SECONDS) -> None:
        """Take nothing yet."""
        self._files = files
        self._name = name
        self._seconds = seconds
        self._token = secrets.token_hex(8)
        self._counts_until = 0.0  # on the monotonic clock
        self._is_lost = False
        self._stop = threading.Event()
        self._renewing = threading.Lock()

    def take(self) -> None:
        """Become the owner, and stay it until `release`; blocks.

        Raises:
            StorageError: Another process has it, or another run here; or it cannot be written.
        """
        if not self._write(is_new=True):
            self._refuse(self._read())
            self._write()
        if self._read().get("token") != self._token:
            raise taken(self._name)
        name = f"mediatoolkit lock of {self._name}"
        threading.Thread(target=self._renew_often, name=name, daemon=True).start()

    def check(self) -> None:
        """Make sure that this process is the owner.

        Raises:
            StorageError: It no longer is.
        """
        if self._is_lost or time.monotonic() >= self._counts_until:
            raise StorageError(
                f"The run {self._name!r} is another process's now, since this one could not renew "
                "its lock in time. Nothing more was sent; await the other one, and start the run "
                "again under its name when it has ended."
            )

    def release(self) -> None:
        """Let another process have it; may be called again; blocks."""
        self._stop.set()
        with self._renewing:
            if self._counts_until and not self._is_lost:
                self._counts_until = 0.0
                if self._read().get("token") == self._token:
                    self._files.remove(_NAME)

    def _refuse(self, owner: dict[str, Any]) -> None:
        """Raise unless the lock of *owner* no longer counts."""
        lives = owners.is_running(str(owner.get("process", "")))
        left = float(owner.get("until", 0)) - time.time()
        if lives is False or left <= 0:
            return
        if lives:
            raise taken(self._name)
        raise StorageError(
            f"The run {self._name!r} is running in another process, or was until a moment ago; "
            f"await that one, or start it again in {left:.0f} s."
        )

    def _renew_often(self) -> None:
        while not self._stop.wait(self._seconds / _RENEWALS):
            with self._renewing:
                if self._stop.is_set():
                    return
                try:
                    self._is_lost = self._read().get("token") != self._token
                    if self._is_lost:
                        return
                    self._write()
                except StorageError as error:  # as long as the lock counts, there is another try
                    _log.warning("The lock of run %r was not renewed: %s", self._name, error)

    def _write(self, *, is_new: bool = False) -> bool:
        now = time.monotonic()
        record = {
            "token": self._token,
            "process": owners.this_process(),
            "until": time.time() + self._seconds,
        }
        written = self._files.write(_NAME, json.dumps(record).encode(), is_new=is_new)
        if written:
            self._counts_until = now + self._seconds
        return written

    def _read(self) -> dict[str, Any]:
        """What the file says; nothing where there is none, or it is broken."""
        data = self._files.read_if_there(_NAME, largest=_LARGEST)
        try:
            record = json.loads(data)
        except ValueError:
            return {}
        return record if isinstance(record, dict) else {}
