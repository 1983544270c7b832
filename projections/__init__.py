"""The read side: what a projection is, the read models, the projector, and the queries."""

from projections.daily_summaries import DAILY_SUMMARIES, summary
from projections.errors import NotReady, PositionBeyondHead, ReadError, ReadErrorCode, ReadModelBehind
from projections.folding import RoutedEvent, describe, fold, route
from projections.meals import MEALS, decode_meal, encode_meal
from projections.ports import (
    Batch,
    Blocked,
    CannotFollow,
    Changes,
    Checkpoint,
    CheckpointMoved,
    EventLog,
    LogPositions,
    ParkedEvent,
    ProjectionStore,
    ProjectionTransaction,
    RecordedEvent,
)
from projections.projection import Document, Index, Projection, UnexpectedEvent
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
    "Batch",
    "Blocked",
    "CannotFollow",
    "Changes",
    "Checkpoint",
    "CheckpointMoved",
    "DailySummary",
    "Document",
    "EventLog",
    "HistoryCursor",
    "HistoryQuery",
    "Index",
    "LogPositions",
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
    "UnexpectedEvent",
    "decode_meal",
    "describe",
    "encode_meal",
    "fold",
    "route",
    "summary",
]
