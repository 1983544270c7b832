"""What became of appends: told by a majority read of who holds the versions that they wanted, or by their own batch."""

from collections.abc import Sequence

from pymongo.client_session import ClientSession

from adapters.mongo.append.append import Append
from adapters.mongo.append.event_log import EventLog
from adapters.mongo.encoding.event_documents import StreamKey


def compatible(appends: Sequence[Append]) -> list[Append]:
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


def settle_beaten(left: Sequence[Append], written: Sequence[Append]) -> None:
    """Settle those that wanted what others of their batch have got. The same append twice has one fate."""
    winners = {key: append for append in written for key in append.keys} if left else {}
    for append in left:
        winner = next((winners[key] for key in append.keys if key in winners), None)
        if winner is None:
            continue
        if winner.append_id == append.append_id:
            append.succeed(winner.first_position)
        else:
            append.conflict()


def settle_held(log: EventLog, session: ClientSession, appends: Sequence[Append]) -> bool:
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
