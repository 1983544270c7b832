"""A batch of events folded into documents: the pure part of the engine."""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType

from msgspec import Struct

from projections.ports import Blocked, Changes, ParkedEvent, RecordedEvent
from projections.projection import Document, Projection


class RoutedEvent(Struct, frozen=True, kw_only=True):
    """An event and the keys of the documents that it touches: none when it, or its keys, could not be read."""

    recorded: RecordedEvent
    keys: tuple[str, ...] = ()
    error: str | None = None


def describe(error: BaseException) -> str:
    """The type of an error and where in the code it arose: its text could name what a person wrote or ate."""
    place = "unknown place"
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{trace.tb_frame.f_globals.get('__name__')}.{code.co_name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} in {place}"


def route(projection: Projection, events: Iterable[RecordedEvent]) -> list[RoutedEvent]:
    """The events with the keys that they touch."""
    return [_routed(projection, recorded) for recorded in events]


def _routed(projection: Projection, recorded: RecordedEvent) -> RoutedEvent:
    if recorded.event is None:
        return RoutedEvent(recorded=recorded, error=recorded.error)
    try:
        return RoutedEvent(recorded=recorded, keys=projection.keys(recorded.event))
    except Exception as error:  # noqa: BLE001 - whatever a projection raises parks the event and stops nothing else
        return RoutedEvent(recorded=recorded, error=describe(error))


def fold(
    projection: Projection,
    events: Sequence[RoutedEvent],
    documents: Mapping[str, Document],
    blocked: Blocked,
) -> Changes:
    """Apply the events, in this order, to the documents.

    An event that cannot be applied is parked under its key, and later ones of that key queue behind it; one whose keys
    are not known is parked under its stream. Every other key goes on.
    """
    state = _Fold(projection, documents, blocked)
    for event in events:
        state.take(event)
    return Changes(documents=state.changed, parked=tuple(state.parked))


class _Fold:
    def __init__(self, projection: Projection, documents: Mapping[str, Document], blocked: Blocked) -> None:
        self._projection = projection
        self._documents = documents
        self._blocked_keys = set(blocked.keys)
        self._blocked_streams = set(blocked.streams)
        self.changed: dict[str, Document | None] = {}
        self.parked: list[ParkedEvent] = []

    def take(self, routed: RoutedEvent) -> None:
        recorded = routed.recorded
        if routed.error is not None or recorded.event is None or recorded.stream_id in self._blocked_streams:
            self._blocked_streams.add(recorded.stream_id)
            self._park(recorded, key=None, error=routed.error)
            return
        for key in routed.keys:
            if key in self._blocked_keys:
                self._park(recorded, key=key, error=None)
                continue
            before = self.changed[key] if key in self.changed else self._documents.get(key)
            try:
                self.changed[key] = self._projection.evolve(key, before, recorded.event)
            except Exception as error:  # noqa: BLE001 - whatever a projection raises parks its key, and only that
                self._blocked_keys.add(key)
                self._park(recorded, key=key, error=describe(error))

    def _park(self, recorded: RecordedEvent, *, key: str | None, error: str | None) -> None:
        self.parked.append(
            ParkedEvent(
                position=recorded.position,
                stream_id=recorded.stream_id,
                topic=recorded.topic,
                key=key,
                error=error,
            )
        )
