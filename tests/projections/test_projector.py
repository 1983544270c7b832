"""The engine on a real MongoDB: every event once, in order, whatever goes wrong."""

import dataclasses
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import bson
import pytest
from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient

from adapters.mongo.connection.client import Document
from adapters.mongo_projections.log_reader import GapInLog, RecorderLogReader
from adapters.mongo_projections.projection_store import MongoProjectionStore
from adapters.mongo_projections.storage import checkpoint_id
from ledger import Meal, MealConfirmed, MealEvent
from projections import (
    DAILY_SUMMARIES,
    MEALS,
    Checkpoint,
    CheckpointMoved,
    LogPage,
    NotReady,
    PositionBeyondHead,
    Projection,
    Projector,
    ReadError,
    ReadModelBehind,
    SourceUnavailable,
)
from tests.adapters.mongo_projections.projection_fixtures import sync_client
from tests.ledger.plates import ALICE, analyzed, requested
from tests.projections.logs import MealLog, meal_log

_DOCUMENTS = {"_id": {"$type": "string"}}
"""Finds the documents of a storage, without its checkpoint."""


_PARKED = {"position": {"$exists": True}}
"""Finds the parked events of a storage, without the marker of their generation."""


class Killed(BaseException):
    """Ends a projector wherever it is, as a kill would."""


def _count(_key: str, document: Document | None, event: MealEvent) -> Document:
    """Wrong at once when an event is applied twice, left out, or out of order."""
    before = document or {"events": []}
    return {"events": [*before["events"], f"{event.originator_id} {event.originator_version}"]}


COUNTS = dataclasses.replace(
    MEALS, name="counts", keys=lambda event: (event.user_id,), evolve=_count, indexes=MEALS.indexes[:1]
)


@dataclass
class Given:
    client: MongoClient[Document]
    database: str
    log: MealLog

    def projector(self, projection: Projection, **arguments: Any) -> Projector:
        store = MongoProjectionStore(self.client, self.database, projection)
        projector = Projector(projection, self.log, store, **arguments)
        projector.prepare()
        return projector

    def documents(self, projection: Projection) -> dict[str, Document]:
        found = self.client[self.database][projection.storage].find(_DOCUMENTS)
        return {document.pop("_id"): document for document in found}

    def raw(self, projection: Projection) -> list[bytes]:
        return sorted(map(bson.encode, self.client[self.database][projection.storage].find(_DOCUMENTS)))

    def parked(self, projection: Projection) -> list[tuple[int, str | None, bool]]:
        found = (
            self.client[self.database][f"{projection.storage}_parked"]
            .find({"position": {"$gt": 0}})
            .sort("position")
        )
        return [(document["position"], document["key"], document["error"] is None) for document in found]

    def checkpoint(self, projection: Projection) -> int:
        found = self.client[self.database][projection.storage].find_one(
            {"_id": checkpoint_id(projection.storage)}
        )
        assert found is not None
        position: int = found["position"]
        return position


@pytest.fixture
def given(mongodb_url: str, mongodb_database: str) -> Iterator[Given]:
    with sync_client(mongodb_url) as client, meal_log(mongodb_url, mongodb_database) as log:
        yield Given(client, mongodb_database, log)


def catch_up(projector: Projector) -> int:
    """Apply everything; how many batches it took. Races lost to a rival are retried."""
    batches, until = 0, time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if not projector.advance():
                return batches
            batches += 1
        except CheckpointMoved:
            continue
    pytest.fail("it never caught up")


def many_meals(count: int) -> list[Meal]:
    meals = [analyzed(user_id=("alice", "bob")[number % 2]) for number in range(count)]
    for meal in meals[::3]:
        meal.confirm([meal.entries[0].id], actor=ALICE)
    return meals


def test_it_catches_up_and_then_has_nothing_to_do(given: Given) -> None:
    meal = analyzed()
    projector = given.projector(MEALS)
    assert not projector.advance()
    given.log.save(meal)

    assert projector.advance()
    assert not projector.advance()
    assert given.documents(MEALS).keys() == {str(meal.id)}

    meal.confirm([meal.entries[0].id], actor=ALICE)
    given.log.save(meal)
    assert projector.advance()
    assert given.documents(MEALS)[str(meal.id)]["status"] == "CONFIRMED"


def test_the_checkpoint_moves_over_events_of_other_topics(given: Given) -> None:
    last = [given.log.save(requested()) for _ in range(5)][-1]

    assert catch_up(given.projector(DAILY_SUMMARIES, batch_size=2)) == 3

    assert given.checkpoint(DAILY_SUMMARIES) == last
    assert given.documents(DAILY_SUMMARIES) == {}


@pytest.mark.parametrize("projection", [MEALS, DAILY_SUMMARIES])
def test_rebuilt_equals_live_to_the_byte(given: Given, projection: Projection) -> None:
    live = given.projector(projection, batch_size=1)
    for meal in many_meals(6):
        given.log.save(meal)
        catch_up(live)

    rebuilt = dataclasses.replace(projection, version=projection.version + 1)
    catch_up(given.projector(rebuilt))

    assert given.raw(rebuilt) == given.raw(projection)
    assert given.raw(rebuilt) != []


def test_two_projectors_at_once_apply_every_event_once(given: Given) -> None:
    meals = many_meals(40)
    for meal in meals:
        given.log.save(meal)
    projectors = [given.projector(COUNTS, batch_size=3) for _ in range(2)]

    threads = [threading.Thread(target=catch_up, args=(projector,)) for projector in projectors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert not any(thread.is_alive() for thread in threads)
    for user_id in ("alice", "bob"):
        assert given.documents(COUNTS)[user_id]["events"] == [
            f"{meal.id} {version}"
            for meal in meals
            if meal.user_id == user_id
            for version in range(1, meal.version + 1)
        ]


def test_a_projector_killed_between_two_events_leaves_nothing_half_done(given: Given) -> None:
    meals = many_meals(3)
    given.log.save(*meals)
    seen: list[MealEvent] = []

    def dies_at_the_third(key: str, document: Document | None, event: MealEvent) -> Document:
        seen.append(event)
        if len(seen) == 3:
            raise Killed
        return _count(key, document, event)

    dying = given.projector(dataclasses.replace(COUNTS, evolve=dies_at_the_third))
    with pytest.raises(Killed):
        dying.advance()
    assert given.documents(COUNTS) == {}
    assert given.checkpoint(COUNTS) == 0

    assert catch_up(given.projector(COUNTS)) == 1
    counted = [len(document["events"]) for document in given.documents(COUNTS).values()]
    assert sum(counted) == sum(meal.version for meal in meals)


def test_after_an_error_it_starts_from_the_stored_checkpoint(given: Given) -> None:
    given.log.save(*many_meals(2))
    slow, quick = given.projector(COUNTS), given.projector(COUNTS)
    catch_up(slow)
    given.log.save(*many_meals(2))
    catch_up(quick)

    with pytest.raises(CheckpointMoved):
        slow.advance()

    assert not slow.advance()
    assert sum(len(document["events"]) for document in given.documents(COUNTS).values()) == 10


def test_a_projector_from_before_a_reset_is_refused(given: Given) -> None:
    """The storage comes to the same position again: only the generation tells the difference."""
    given.log.save(*many_meals(1))
    slow = given.projector(COUNTS)
    catch_up(slow)
    given.client[given.database].drop_collection(COUNTS.storage)
    catch_up(given.projector(COUNTS))
    given.log.save(*many_meals(1))

    with pytest.raises(CheckpointMoved):
        slow.advance()


def test_a_parked_event_blocks_its_key_across_restarts(
    given: Given, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = analyzed(), analyzed()
    given.log.save(bad)
    bad.confirm([bad.entries[0].id], actor=ALICE)
    bad_position = given.log.save(bad)

    def fails_on_confirm(key: str, document: Document | None, event: MealEvent) -> Document | None:
        if isinstance(event, MealConfirmed):
            raise RuntimeError(f"secret of {event.user_id}")  # noqa: TRY004 - nothing is wrong with the type
        return MEALS.evolve(key, document, event)

    catch_up(given.projector(dataclasses.replace(MEALS, evolve=fails_on_confirm), batch_size=1))
    bad.delete(actor=ALICE)
    later = given.log.save(bad)
    last = given.log.save(good)
    catch_up(given.projector(MEALS, batch_size=1))

    assert given.parked(MEALS) == [
        (bad_position, str(bad.id), False),
        (later, str(bad.id), True),
    ]
    assert given.documents(MEALS)[str(bad.id)]["status"] == "ANALYZED"
    assert given.documents(MEALS)[str(good.id)]["status"] == "ANALYZED"
    assert given.checkpoint(MEALS) == last
    [logged] = [vars(record) for record in caplog.records if record.msg == "event_parked"]
    assert (logged["projection"], logged["position"]) == (MEALS.storage, bad_position)
    assert logged["error"].startswith("RuntimeError in ")
    assert "secret" not in repr(logged)


def test_an_event_that_cannot_be_read_parks_its_stream(given: Given) -> None:
    bad, good = analyzed(), analyzed()
    given.log.save(bad)
    given.client[given.database]["meal_ledger_events"].update_one(
        {"_id": 2}, {"$set": {"state.entries": "chicken"}}
    )
    bad.delete(actor=ALICE)
    given.log.save(bad)
    given.log.save(good)

    for projection in (MEALS, DAILY_SUMMARIES):
        catch_up(given.projector(projection))
        assert given.parked(projection) == [(2, None, False), (3, None, True)]
    assert given.documents(MEALS)[str(good.id)]["status"] == "ANALYZED"
    [day] = given.documents(DAILY_SUMMARIES).values()
    assert day["contributions"].keys() == {str(good.id)}
    errors = given.client[given.database]["meals_v2_parked"].distinct("error")
    assert "chicken" not in repr(errors)


def test_an_event_of_an_unknown_topic_parks_its_stream_too(given: Given) -> None:
    """It may be one that newer code wrote: passed over, it would be missing from the read model for good."""
    meal = analyzed()
    given.log.save(meal)
    newer = StoredEvent(meal.id, 3, "MealShared", b"{}")
    given.log.ledger.recorder.insert_events([newer])

    for projection in (MEALS, DAILY_SUMMARIES):
        catch_up(given.projector(projection))
        assert given.checkpoint(projection) == 3
        assert given.parked(projection) == [(3, None, False)]


def test_a_gap_in_the_log_stops_the_projection_before_it(given: Given) -> None:
    given.log.save(analyzed(), analyzed())
    given.client[given.database]["meal_ledger_events"].delete_one({"_id": 2})

    with pytest.raises(GapInLog, match="goes on at 3 where position 2 was due"):
        given.projector(MEALS).advance()

    assert given.checkpoint(MEALS) == 0


def test_only_what_the_projection_asked_for_is_decoded(given: Given) -> None:
    given.log.save(requested())

    class Unopened(RecorderLogReader):
        def __init__(self, log: MealLog) -> None:
            super().__init__(log._recorder, log._mapper)

        def read(self, checkpoint: Checkpoint, limit: int, topics: Collection[str]) -> LogPage | None:
            page = super().read(checkpoint, limit, topics)
            assert page is not None
            assert page.events == ()
            return page

    store = MongoProjectionStore(given.client, given.database, DAILY_SUMMARIES)
    projector = Projector(DAILY_SUMMARIES, Unopened(given.log), store)
    projector.prepare()

    assert projector.advance()


@pytest.mark.parametrize(
    "error", [ReadModelBehind(), PositionBeyondHead(), NotReady("MongoDB does not answer.")]
)
def test_every_read_error_has_a_code_and_message(error: ReadError) -> None:
    """The message is one line."""
    assert error.code
    assert error.message == str(error)
    assert error.message.endswith(".")
    assert "\n" not in error.message


def test_a_log_that_cannot_be_read_gives_the_stores_reason(given: Given) -> None:
    given.log.save(analyzed())
    given.client[given.database]["meal_ledger_events"].update_one(
        {"_id": 1}, {"$unset": {"originator_version": 1}}
    )

    with pytest.raises(SourceUnavailable, match="document 1 of the event store is no event"):
        given.projector(MEALS).advance()
