"""Jobs show themselves where a person types; elsewhere the widgets are never imported."""

import sys
from typing import TypeVar

from mediatoolkit.job import Job

T = TypeVar("T")


def shown(job: Job[T]) -> Job[T]:
    """*job*, which IPython shows while it runs."""
    if in_ipython():
        from mediatoolkit import widgets

        widgets.show(job)
    return job


def in_ipython() -> bool:
    """Whether a person types here; IPython is asked only where it is already loaded."""
    ipython = sys.modules.get("IPython")
    return bool(ipython and ipython.get_ipython())
