"""What became of appends: told by a majority read of who holds the versions that they wanted, or by their own batch."""

from collections.abc import Sequence
from typing import TypeVar

from pymongo.client_session import ClientSession

from adapters.mongo.append import Append, Pending
from adapters.mongo.documents import StreamKey
from adapters.mongo.event_log import EventLog

_P = TypeVar("_P", bound=Pending)


def compatible(appends: Sequence[_P]) -> list[_P]:
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


def settle_beaten(
    left: Sequence[Pending], written: Sequence[Pending], beaten: Sequence[Pending] = ()
) -> None:
    """Settle those that wanted what others of their batch have got. The same append twice has one fate.

    Of one that was beaten it is known only that another append has its version: that may be any of those left.
    """
    if not left:
        return
    winners = {key: append for append in written for key in append.keys}
    without_luck = {append.append_id for append in beaten}
    for append in left:
        winner = next((winners[key] for key in append.keys if key in winners), None)
        if winner is not None and winner.append_id == append.append_id:
            append.succeed(winner.first_position)
        elif winner is not None or append.append_id in without_luck:
            append.conflict()


def settle_held(log: EventLog, session: ClientSession, appends: Sequence[Pending]) -> bool:
    """Settle those whose versions a majority knows to be taken, by others or by an earlier try of their own.

    Whether there was one.
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
    return any(append.settled for append in appends)


def settle_found(log: EventLog, session: ClientSession, doubtful: Sequence[Append]) -> None:
    """After a fence: settle those that are there. Of the others it is certain, now, that they are not."""
    first_keys = [append.keys[0] for append in doubtful if append.keys]
    holders = log.holders(first_keys, session)
    for append in doubtful:
        if append.keys:
            holder = holders.get(append.keys[0])
        else:
            holder = log.tracking_holder(append.tracking, session) if append.tracking else None
        if holder is not None and holder.append_id == append.append_id:
            log.reads.clock.observe(session)
            append.succeed(holder.position)
        else:
            append.maybe_sent = False
