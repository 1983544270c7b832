"""The read side: what a projection is, the read models, the projector, and the queries."""

from projections.daily_summaries import DAILY_SUMMARIES, day_key, summary
from projections.errors import (
    CheckpointMoved,
    LogDiverged,
    NotReady,
    PositionBeyondHead,
    ReadError,
    ReadErrorCode,
    ReadModelBehind,
    SourceUnavailable,
    UnexpectedEvent,
)
from projections.folding import RoutedEvent, describe, fold, route
from projections.meals import MEALS, decode_meal, encode_meal
from projections.ports import (
    Blocked,
    Changes,
    Checkpoint,
    LogPage,
    LogPositions,
    LogReader,
    ParkedEvent,
    ProjectionStore,
    ProjectionTransaction,
    RecordedEvent,
    StorageFault,
)
from projections.projection import Document, Index, Projection
from projections.projector import Projector
from projections.queries import (
    MAX_PAGE,
    DailySummary,
    HistoryCursor,
    HistoryQuery,
    MealPage,
    MealTypeSummary,
    ReadModels,
)
from projections.runner import ProjectorGroup, ProjectorThread

__all__ = [
    "DAILY_SUMMARIES",
    "MAX_PAGE",
    "MEALS",
    "Blocked",
    "Changes",
    "Checkpoint",
    "CheckpointMoved",
    "DailySummary",
    "Document",
    "HistoryCursor",
    "HistoryQuery",
    "Index",
    "LogDiverged",
    "LogPage",
    "LogPositions",
    "LogReader",
    "MealPage",
    "MealTypeSummary",
    "NotReady",
    "ParkedEvent",
    "PositionBeyondHead",
    "Projection",
    "ProjectionStore",
    "ProjectionTransaction",
    "Projector",
    "ProjectorGroup",
    "ProjectorThread",
    "ReadError",
    "ReadErrorCode",
    "ReadModelBehind",
    "ReadModels",
    "RecordedEvent",
    "RoutedEvent",
    "SourceUnavailable",
    "StorageFault",
    "UnexpectedEvent",
    "day_key",
    "decode_meal",
    "describe",
    "encode_meal",
    "fold",
    "route",
    "summary",
]
