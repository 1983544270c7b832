"""Resolves appends by reading which append holds each stream version, and by what others of their batch have got."""

from collections.abc import Sequence

from pymongo.client_session import ClientSession

from adapters.mongo.append.append import Append
from adapters.mongo.append.event_log import EventLog
from adapters.mongo.encoding.event_documents import StreamKey


def without_duplicates(appends: Sequence[Append]) -> list[Append]:
    """Appends that can all take place: of several that want the same version of a stream, the first."""
    if len(appends) == 1:
        return list(appends)
    wanted: set[StreamKey] = set()
    chosen = []
    for append in appends:
        if wanted.isdisjoint(append.keys):
            wanted.update(append.keys)
            chosen.append(append)
    return chosen


def resolve_duplicates(left: Sequence[Append], written: Sequence[Append]) -> None:
    """Resolve the appends that wanted a version that an append of their own batch has got.

    A duplicate request, the same append twice, has the outcome of the first.
    """
    winners = {key: append for append in written for key in append.keys} if left else {}
    for append in left:
        winner = next((winners[key] for key in append.keys if key in winners), None)
        if winner is not None and winner.append_id == append.append_id:
            append.succeed(winner.first_position)
        elif winner is not None:
            append.conflict()


def resolve_by_holders(log: EventLog, session: ClientSession, appends: Sequence[Append]) -> bool:
    """Resolve the appends whose versions a majority knows to be taken: by themselves, or by another append.

    Whether there was one. An append that is not resolved is not there at this moment; after a fence it never will be.
    """
    holders = log.holders([key for append in appends for key in append.keys], session)
    for append in appends:
        held = [holders[key] for key in append.keys if key in holders]
        if append.tracking is not None and (other := log.tracking_holder(append.tracking, session)):
            held.append(other)
        if held and held[0].append_id == append.append_id:
            log.reads.clock.observe(session)
            append.succeed(held[0].position)
        elif held:
            append.conflict()
    return any(append.resolved for append in appends)
