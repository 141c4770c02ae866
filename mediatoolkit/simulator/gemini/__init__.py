"""The simulated Gemini Developer API: pictures, speech and films, models, voices and files.

It answers for `v1`, `v1beta` and `v1alpha` alike. Sizes, token counts and sentences that the vendor
does not document are ours; everything else follows the protocol as it was recorded.
"""

from mediatoolkit.simulator.gemini.service import Gemini

__all__ = ["Gemini"]
