"""Food matching: which of the records that a nutrient database offers is the food on the plate."""

from ledger.food_matching.matching import Candidate, Match, best_match, candidates, chosen_match, explain
from ledger.food_matching.names import MAX_NAME, asked, index_words, query_words
from ledger.food_matching.record_names import RecordName, record_name, record_names
from ledger.food_matching.scoring import Fit
from ledger.food_matching.words import canonical

__all__ = [
    "MAX_NAME",
    "Candidate",
    "Fit",
    "Match",
    "RecordName",
    "asked",
    "best_match",
    "candidates",
    "canonical",
    "chosen_match",
    "explain",
    "index_words",
    "query_words",
    "record_name",
    "record_names",
]
