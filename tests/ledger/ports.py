"""Ports of the ledger for its unit tests: a recogniser and databases that answer as they are told."""

import asyncio
from collections.abc import Mapping, Sequence

from ledger import (
    ChoiceOutcome,
    FoodChoice,
    FoodRecord,
    ModelRun,
    Nutrients,
    NutrientSource,
    Recognition,
    RecognizedFood,
    Remark,
    TokenUsage,
)
from tests.ledger.plates import CHICKEN, RICE


def food(name: str, grams: float = 100, confidence: float | None = 0.9) -> RecognizedFood:
    return RecognizedFood(name=name, grams=grams, state=None, confidence=confidence)


class Recognizer:
    """Answers with `foods`, or raises `error`; waits for `gate` first. Counts its calls."""

    def __init__(
        self, *foods: RecognizedFood, error: BaseException | None = None, remarks: tuple[Remark, ...] = ()
    ) -> None:
        self.foods = foods
        self.remarks = remarks
        self.error = error
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.calls: list[tuple[str, str | None, str]] = []

    async def recognize(self, *, photo_url: str, dish_hint: str | None, user_id: str) -> Recognition:
        self.calls.append((photo_url, dish_hint, user_id))
        self.started.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Recognition(
            dish_name="a dish",
            foods=self.foods,
            remarks=self.remarks,
            run=ModelRun(
                model="a-model",
                prompt_version="1",
                tokens=TokenUsage(input=1, cached=None, written=None, output=1),
            ),
        )


class Database:
    """Knows the foods it is given by their names; raises `error` instead where there is one. Waits for `gate` first."""

    def __init__(
        self,
        records: Mapping[str, Nutrients],
        *,
        source: NutrientSource = NutrientSource.USDA,
        error: BaseException | None = None,
        offers_all: bool = False,
        gate: asyncio.Event | asyncio.Barrier | None = None,
    ) -> None:
        self.gate = gate
        self._records = records
        self._offers_all = offers_all
        self._source = source
        self.error = error
        self.searches: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    @property
    def source(self) -> NutrientSource:
        return self._source

    async def search(self, name: str) -> Sequence[FoodRecord]:
        self.searches.append(name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await (asyncio.sleep(0) if self.gate is None else self.gate.wait())
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        return [
            FoodRecord(
                source=self._source,
                source_id=str(number),
                name=known,
                data_type="SR Legacy",
                brand=None,
                published="2019-04-01",
                per_100g=nutrients,
            )
            for number, (known, nutrients) in enumerate(self._records.items(), 1)
            if known == name or self._offers_all
        ]


def usda() -> Database:
    return Database({"rice": RICE, "chicken": CHICKEN})


class Chooser:
    """Chooses these places for the foods in order, or raises `error`."""

    def __init__(self, *chosen: int | None, error: BaseException | None = None) -> None:
        self._chosen = chosen
        self._error = error
        self.asked: list[FoodChoice] = []

    async def choose(self, *, foods: Sequence[FoodChoice], user_id: str) -> ChoiceOutcome:
        assert user_id == "alice"
        self.asked = list(foods)
        if self._error is not None:
            raise self._error
        run = ModelRun(
            model="a-small-model",
            prompt_version="choice-1",
            tokens=TokenUsage(input=9, cached=None, written=None, output=3),
        )
        return ChoiceOutcome(chosen=self._chosen, run=run, duration_ms=700)
