"""Up to which position the events of an upstream application have been processed.

One document for each application: its name as `_id`, `notification_id`, and the id of the append that recorded it.
"""

from collections.abc import Callable
from math import inf
from time import sleep
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError, OperationalError, Tracking
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from adapters.mongo.connection.causal_reads import CausalReads
from adapters.mongo.connection.client import (
    JOURNALED_MAJORITY,
    MAJORITY,
    PRIMARY,
    Document,
    renew_connections,
)
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import in_library_terms, is_undecided, one_line
from adapters.mongo.connection.orphaned_transactions import OrphanWatch

_PAUSE_SECONDS = 0.02


def write_tracking(
    trackings: Collection[Document], tracking: Tracking, append_id: UUID, session: ClientSession
) -> None:
    """Record `tracking`, which has to be greater than what is recorded.

    Raises DuplicateKeyError when it is not: the filter does not match, and the insert meets the document.
    """
    trackings.update_one(
        {"_id": tracking.application_name, "notification_id": {"$lt": tracking.notification_id}},
        {"$set": {"notification_id": tracking.notification_id, "append_id": append_id}},
        upsert=True,
        session=session,
    )


def tracking_append(
    trackings: Collection[Document], tracking: Tracking, session: ClientSession
) -> tuple[UUID | None] | None:
    """The append that has recorded this position or a greater one, as a majority knows it; None if none has."""
    recorded = trackings.find_one(
        {"_id": tracking.application_name, "notification_id": {"$gte": tracking.notification_id}},
        session=session,
    )
    return (recorded.get("append_id"),) if recorded else None


class _TakenError(Exception):
    """This position or a greater one is recorded here and now. By whom, and for good, a majority read tells."""


class TrackingStore:
    """Records tracking, by itself or in one transaction with other writes, each position once."""

    def __init__(
        self,
        trackings: Collection[Document],
        reads: CausalReads,
        timeout: float,
        attempt_timeout: float,
        app_name: str,
    ) -> None:
        """`timeout` is for recording a position, `attempt_timeout` for one try to do so by itself; in seconds."""
        self._trackings = trackings
        self._reads = reads
        self._timeout = timeout
        self._attempt_timeout = attempt_timeout
        self._app_name = app_name

    def max_id(self, application_name: str) -> int | None:
        """The position recorded for an application, or None."""
        recorded = self._reads.run(
            f"cannot read the tracking of {application_name}",
            lambda session: self._trackings.find_one({"_id": application_name}, session=session),
        )
        return int(recorded["notification_id"]) if recorded else None

    def record(self, tracking: Tracking, write: Callable[[ClientSession], None] | None = None) -> None:
        """Record `tracking` and what `write` does in the session it is given: all or nothing, and once.

        `write` is called again when the transaction has to be. It has to do nothing but write: a transaction that has
        been idle for over a second is taken for that of a dead process, and ended, when it blocks another one.

        Raises IntegrityError when this position or a greater one is recorded already or `write` finds a key taken,
        OperationalError when it could not be done, or is not known to be done, within the deadline.
        """
        append_id, deadline = uuid4(), Deadline.after(self._timeout)
        orphans = OrphanWatch(self._trackings.database.client, self._app_name, self._attempt_timeout)
        while True:
            try:
                self._try(tracking, append_id, write, deadline)
            except _TakenError as error:
                recorded_by = self._recorded_by(tracking, deadline)
                if recorded_by == (append_id,):
                    return  # an earlier try did it, and only its answer was lost
                if recorded_by is not None:
                    raise IntegrityError(f"{tracking} is not greater than what is recorded") from error
                trouble = str(error)
            except PyMongoError as error:
                renew_connections(self._trackings.database.client, error)
                if not is_undecided(error):
                    raise in_library_terms(error, f"cannot record {tracking}") from error
                trouble = one_line(error)
            else:
                return
            if deadline.remaining < _PAUSE_SECONDS:
                raise OperationalError(f"{tracking} may not have been recorded: {trouble}")
            sleep(_PAUSE_SECONDS)
            orphans.blocked(deadline)

    def _recorded_by(self, tracking: Tracking, deadline: Deadline) -> tuple[UUID | None] | None:
        return self._reads.run(
            f"cannot read the tracking of {tracking.application_name}",
            lambda session: tracking_append(self._trackings, tracking, session),
            deadline,
        )

    def _try(
        self,
        tracking: Tracking,
        append_id: UUID,
        write: Callable[[ClientSession], None] | None,
        deadline: Deadline,
    ) -> None:
        # Inside a transaction a conflicting one shows at once; outside, the server waits for it.
        with self._reads.session() as session, deadline.limit(inf if write else self._attempt_timeout):
            if write is None:
                self._write_tracking(tracking, append_id, session)
                return
            with session.start_transaction(MAJORITY, JOURNALED_MAJORITY, PRIMARY):
                self._write_tracking(tracking, append_id, session)
                write(session)

    def _write_tracking(self, tracking: Tracking, append_id: UUID, session: ClientSession) -> None:
        try:
            write_tracking(self._trackings, tracking, append_id, session)
        except DuplicateKeyError as error:
            raise _TakenError(one_line(error)) from error
