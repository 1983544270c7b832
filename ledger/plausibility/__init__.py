"""Numbers that cannot be: one check of a record's nutrients for every source, its reasons as remarks.

Anyone can enter a product, and tables have slips too: kJ typed as kcal, mg as g, zeros for fields that were left empty.
What the other numbers prove is mended; what they disprove is unknown; a record that knows nothing is no match.
"""

from ledger.plausibility.check import PlausibleNutrients, plausible
from ledger.plausibility.source import SourceNutrients

__all__ = ["PlausibleNutrients", "SourceNutrients", "plausible"]
