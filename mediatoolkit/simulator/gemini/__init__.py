"""The simulated Gemini Developer API: pictures, speech and films, models, voices and files.

It answers for `v1`, `v1beta` and `v1alpha` alike. Sizes, token counts and sentences that the vendor
does not document are ours; everything else follows the protocol as it was recorded.

`prices.json` holds Google's prices of 2026-11-28 in USD for a million tokens. The tokens of a film
are published for 720p alone, 5,792 a second; Google's announcement of 360p says a third, and
resellers ask one and a half and three times as much for 1080p and 4K.
"""

from mediatoolkit.simulator.gemini.service import Gemini

__all__ = ["Gemini"]
