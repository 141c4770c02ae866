"""The simulated Gemini Developer API: pictures, speech and video, models, voices and files.

Answers for `v1` and `v1beta` alike. Sizes, token counts and sentences that the vendor does not
document are ours; everything else follows the recorded protocol.
"""

from mediatoolkit.simulator.gemini.dialect import Gemini

__all__ = ["Gemini"]
