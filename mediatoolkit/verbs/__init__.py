"""The words a user types. Thin: each one starts a job with this kernel's default agent.

In IPython every job that starts here shows itself; elsewhere the widgets are never imported.
"""

from mediatoolkit.transport.session import sessions
from mediatoolkit.verbs.defaults import close
from mediatoolkit.verbs.fetching import download
from mediatoolkit.verbs.making import film, image, speech, video
from mediatoolkit.verbs.overview import Jobs
from mediatoolkit.verbs.showing import in_ipython

__all__ = [
    "close",
    "download",
    "film",
    "image",
    "jobs",
    "sessions",
    "speech",
    "video",
]

jobs = Jobs()
"""The jobs of this kernel."""

if in_ipython():  # before there is a job: a kernel says on which loop it runs
    from mediatoolkit import widgets

    widgets.install()
