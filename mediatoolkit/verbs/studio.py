"""The studio as a user opens it; apart from the other verbs, because it loads the widgets."""

from mediatoolkit.runtime import loops
from mediatoolkit.verbs import start_hidden
from mediatoolkit.verbs.quotes import quote
from mediatoolkit.widgets.studio import StudioForm


class Studio(StudioForm):
    """A form for pictures, speech and film: `studio = mt.Studio()`.

    `studio.result` is what it shows, `studio.history` all that was made with it; as with the verbs,
    everything is also kept in the default store.
    """

    def __init__(self) -> None:
        """Open an empty form, whose jobs this kernel's default agents make."""
        super().__init__(start_hidden, loops.chosen(), quote)
