"""The jobs of this kernel, as `mt.jobs`."""

from typing import Any

from mediatoolkit.agents import VideoGenAgent, check_resumable
from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Video
from mediatoolkit.runtime import running
from mediatoolkit.runtime.context import Timeout
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Pending, Store, named
from mediatoolkit.verbs.defaults import agent_for
from mediatoolkit.verbs.showing import shown


class Jobs:
    """The jobs of this kernel, and those that an earlier one left behind; public as `mt.jobs`."""

    def running(self) -> list[Job[Any]]:
        """The jobs that run, on every loop, in no order."""
        return running.running()

    def cancel_all(self) -> int:
        """Cancel every running job. Safe from any thread.

        Returns:
            How many there were.
        """
        return running.cancel_all()

    def pending(self) -> list[Pending]:
        """Vendors' jobs in the default store that were begun and are not finished, oldest first.

        One with `is_intent` was about to begin when its kernel died, and may have been paid.
        """
        return Store.default().pending()

    def forget(self, job_id: str) -> None:
        """Drop the record of a vendor's job that is pending; the vendor is told nothing.

        A record otherwise goes only with the finished media, or by the vendor's own word that the
        job failed, was refused or cancelled.

        Raises:
            PromptError: No such job is pending.
            StorageError: The record cannot be removed.
        """
        Store.default().drop(self._pending(job_id).id)

    def resume(self, job_id: str, *, timeout: float | Timeout | None = None) -> Job[Video]:
        """Go on with a vendor's job that an earlier kernel began; nothing is paid again.

        Raises:
            PromptError: No such job is pending, or the vendor never gave it a name.
            AuthenticationError: The vendor needs a key, and there is none.
        """
        pending = self._pending(job_id)
        check_resumable(pending, Store.default())
        agent = agent_for(VideoGenAgent, None, pending.provenance.model)
        return shown(lambda: agent.resume_job(pending, timeout))

    def _pending(self, job_id: str) -> Pending:
        pending = named(job_id, self.pending())
        if pending is None:
            raise PromptError(f"No job {quoted(job_id)} is pending; mt.jobs.pending() lists them.")
        return pending

    def _ipython_display_(self) -> None:
        """A live panel where there is a page for it."""
        from mediatoolkit import widgets

        if not widgets.show_jobs(self.running(), map(repr, self.pending())):
            raise NotImplementedError  # IPython's word for going on with the repr

    def __repr__(self) -> str:
        """One line a job."""
        lines = sorted(map(repr, self.running())) + list(map(repr, self.pending()))
        return "\n".join(lines) or "no jobs"
