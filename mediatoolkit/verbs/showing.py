"""Jobs show themselves where a person types; elsewhere the widgets are never imported."""

import sys
from collections.abc import Callable
from typing import TypeVar

from mediatoolkit.runtime.job import Job, start_job

T = TypeVar("T")


def shown(start: Callable[[], Job[T]]) -> Job[T]:
    """The job that *start* begins, which IPython shows while it runs; Ctrl-C cancels it."""
    return start_job(lambda: _show(start()))


def _show(job: Job[T]) -> Job[T]:
    if in_ipython():
        from mediatoolkit import widgets

        widgets.show(job)
    return job


def in_ipython() -> bool:
    """Whether a person types here; IPython is asked only where it is already loaded."""
    ipython = sys.modules.get("IPython")
    return bool(ipython and ipython.get_ipython())
