"""The read side: what a projection is, the read models, the projector, and the queries."""

from projections.errors import NotReady, PositionBeyondHead, ReadError, ReadErrorCode, ReadModelBehind
from projections.queries import (
    MAX_PAGE,
    DailySummary,
    HistoryCursor,
    HistoryQuery,
    MealPage,
    MealTypeSummary,
    ReadModels,
)

__all__ = [
    "MAX_PAGE",
    "DailySummary",
    "HistoryCursor",
    "HistoryQuery",
    "MealPage",
    "MealTypeSummary",
    "NotReady",
    "PositionBeyondHead",
    "ReadError",
    "ReadErrorCode",
    "ReadModelBehind",
    "ReadModels",
]
