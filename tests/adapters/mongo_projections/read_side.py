"""A read side on a real MongoDB, filled by the projectors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient, MongoClient

from adapters.mongo.connection.client import (
    ClientSettings,
    Document,
    Driver,
    close_async_client,
    make_async_client,
)
from adapters.mongo.read.log_positions import MongoLogPositions
from adapters.mongo_projections.projection_store import MongoProjectionStore
from adapters.mongo_projections.read_models import MongoReadModels
from ledger import Meal
from projections import DAILY_SUMMARIES, MEALS, Projector
from tests.adapters.mongo_projections.projection_fixtures import sync_client
from tests.projections.logs import MealLog, meal_log

EVENTS = "meal_ledger_events"


@dataclass
class ReadSide:
    client: MongoClient[Document]
    async_client: AsyncMongoClient[Document]
    database: str
    log: MealLog
    projectors: tuple[Projector, Projector]

    def models(self, **arguments: Any) -> MongoReadModels:
        positions = MongoLogPositions(self.async_client, self.database, EVENTS)
        return MongoReadModels(self.async_client, self.database, positions, **arguments)

    def project(self, *meals: Meal) -> int:
        """Write the meals' new events to the log, and bring the read models up to date."""
        last = self.log.save(*meals)
        for projector in self.projectors:
            while projector.advance():
                pass
        return last

    def another_pair(self, **arguments: Any) -> list[Projector]:
        """Projectors of both read models, not yet prepared."""
        return [
            Projector(
                projection,
                self.log,
                MongoProjectionStore(self.client, self.database, projection),
                **arguments,
            )
            for projection in (MEALS, DAILY_SUMMARIES)
        ]


@asynccontextmanager
async def read_side(url: str, database: str, driver: Driver) -> AsyncIterator[ReadSide]:
    async_client = make_async_client(ClientSettings(url=url, app_name="reader-test"), driver)
    with sync_client(url) as client, meal_log(url, database) as log:
        meals, days = (
            Projector(projection, log, MongoProjectionStore(client, database, projection))
            for projection in (MEALS, DAILY_SUMMARIES)
        )
        for projector in (meals, days):
            projector.prepare()
            projector.heartbeat()
        yield ReadSide(client, async_client, database, log, (meals, days))
        for projector in (meals, days):
            projector.close()
    await close_async_client(async_client)
