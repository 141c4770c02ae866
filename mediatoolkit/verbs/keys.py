"""Which vendors have a key, and where it is; never the key."""

from typing import NamedTuple

from mediatoolkit.providers import keys as found
from mediatoolkit.providers.registry import LOCAL, ORDER, key_place, models_of, vendors
from mediatoolkit.verbs.kinds import AGENTS, Kind
from mediatoolkit.verbs.listing import Table


class KeyRow(NamedTuple):
    """One vendor.

    Attributes:
        vendor: The first half of its model ids.
        makes: The kinds of media that it makes.
        key: Where its key was found, or the address of a server of one's own; empty without one.
        missing: What is to be set, in one sentence; empty when nothing is missing.
    """

    vendor: str
    makes: str
    key: str
    missing: str


def keys() -> Table[KeyRow]:
    """List the vendors, with the place of each key, in the order in which a default is chosen.

    A key is looked for in the environment, among the secrets of a notebook in Colab or Kaggle, and
    in the system's keyring, under the service `mediatoolkit` and the variable's name. What is shown
    is the place alone. Nothing is sent.
    """
    found.look_again()
    makes: dict[str, list[Kind]] = {}
    for kind, agent in AGENTS.items():
        for vendor in vendors(agent.client_type):
            makes.setdefault(vendor, []).append(kind)
    ranks = {vendor: rank for rank, vendor in enumerate(ORDER)}
    ranks[LOCAL] = len(makes) + len(ranks)
    in_order = sorted(makes, key=lambda vendor: (ranks.get(vendor, len(ORDER)), vendor))
    return Table(KeyRow._fields, [_row(vendor, makes[vendor]) for vendor in in_order])


def _row(vendor: str, kinds: list[Kind]) -> KeyRow:
    base = AGENTS[kinds[0]].client_type
    place = key_place(vendor, base)
    missing = "" if place else models_of(vendor, base)[0].reason
    return KeyRow(vendor, ", ".join(kinds), place or ("" if missing else "needs none"), missing)
