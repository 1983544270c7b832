"""The two ports behind the API, in memory: enough of a diary for the API's tests to tell whose meals it shows."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from msgspec import UNSET, structs

from ledger import (
    NO_DEADLINE,
    Actor,
    AnalysisOutcome,
    AnalysisReport,
    AnalyzeMealPhoto,
    ConfirmMealAnalysis,
    ConfirmOutcome,
    Deadline,
    DeleteMeal,
    LedgerError,
    MealEntry,
    MealNotFound,
    MealOutcome,
    MealSnapshot,
    MealSource,
    MealStatus,
    MealType,
    MealWarning,
    Nutrients,
    NutrientSource,
    Provenance,
    ServiceUnavailable,
    UpdateMeal,
    WarningCode,
    total,
)
from projections import (
    DailySummary,
    HistoryCursor,
    HistoryQuery,
    MealPage,
    MealTypeSummary,
    PositionBeyondHead,
    ReadModelCondition,
)

EATEN_AT = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
APPLE = Nutrients.of(calories=52, protein=0.3, carbs=13.8, fat=0.2, fiber=2.4, sugar=10.4, sodium=1)


def an_entry(name: str = "apple", *, matched: bool = True) -> MealEntry:
    per_100g = APPLE if matched else Nutrients.of()
    return MealEntry(
        id=str(uuid4()),
        name=name,
        quantity_g=150.0,
        per_100g=per_100g,
        nutrients=per_100g.for_grams(150),
        confidence=0.9,
        provenance=Provenance(
            source=NutrientSource.USDA,
            source_id="1750340",
            data_type="Foundation",
            food_name="Apples, fuji, with skin, raw",
            published="2020-10-30",
            match_confidence=0.87,
        )
        if matched
        else None,
    )


def a_meal(user_id: str = "alice", **changes: object) -> MealSnapshot:
    entries = (an_entry(), an_entry("moon dust", matched=False))
    meal = MealSnapshot(
        id=str(uuid4()),
        user_id=user_id,
        status=MealStatus.ANALYZED,
        meal_type=MealType.LUNCH,
        dish_name="Apple on moon dust",
        photo_url="https://example.com/test.jpg",
        source=MealSource.PHOTO,
        confidence=0.9,
        eaten_at=EATEN_AT,
        time_zone="UTC",
        local_date=date(2026, 11, 20),
        notes=None,
        entries=entries,
        totals=total(entry.nutrients for entry in entries),
        warnings=(
            MealWarning(
                code=WarningCode.NUTRIENTS_NOT_FOUND, message="No database knows it.", entry_id=entries[1].id
            ),
        ),
        failure_code=None,
        failure_message=None,
        created_at=EATEN_AT,
        updated_at=EATEN_AT,
    )
    return structs.replace(meal, **changes)


class Diary:
    """The meals of all users. `raises` is what the next call of either port ends with; `asked` is what came in."""

    def __init__(self) -> None:
        self.meals: dict[str, MealSnapshot] = {}
        self.position = 0
        self.raises: Exception | None = None
        self.asked: list[tuple[Actor, object]] = []

    def put(self, meal: MealSnapshot) -> MealSnapshot:
        self.meals[meal.id] = meal
        self.position += 1
        return meal

    def of(self, user_id: str) -> list[MealSnapshot]:
        mine = [meal for meal in self.meals.values() if meal.user_id == user_id]
        return sorted(mine, key=lambda meal: (meal.eaten_at, meal.id), reverse=True)

    def fail_if_told(self) -> None:
        if self.raises is not None:
            raise self.raises


class InMemoryCommands:
    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self.analysis_error: LedgerError | None = None
        self.analysis_report: AnalysisReport | None = None

    def _begin(self, actor: Actor, command: object, deadline: Deadline) -> None:
        self._diary.asked.append((actor, command))
        if deadline.passed:
            raise ServiceUnavailable("The request waited too long.")
        self._diary.fail_if_told()

    def _mine(self, actor: Actor, meal_id: str) -> MealSnapshot:
        meal = self._diary.meals.get(meal_id)
        if meal is None or meal.user_id != actor.user_id:
            raise MealNotFound
        return meal

    async def analyze_meal_photo(
        self, actor: Actor, command: AnalyzeMealPhoto, deadline: Deadline = NO_DEADLINE
    ) -> AnalysisOutcome:
        self._begin(actor, command, deadline)
        meal = a_meal(actor.user_id, photo_url=command.photo_url)
        if self.analysis_error is not None:
            meal = structs.replace(
                meal,
                status=MealStatus.FAILED,
                failure_code=self.analysis_error.code,
                failure_message=self.analysis_error.message,
            )
        self._diary.put(meal)
        return AnalysisOutcome(
            meal=meal, position=self._diary.position, error=self.analysis_error, report=self.analysis_report
        )

    async def confirm_meal_analysis(
        self, actor: Actor, command: ConfirmMealAnalysis, deadline: Deadline = NO_DEADLINE
    ) -> ConfirmOutcome:
        self._begin(actor, command, deadline)
        meal = self._mine(actor, command.meal_id)
        kept = tuple(entry for entry in meal.entries if entry.id in command.confirmed_entry_ids)
        confirmed = self._diary.put(
            structs.replace(
                meal,
                status=MealStatus.CONFIRMED,
                entries=kept,
                totals=total(entry.nutrients for entry in kept),
            )
        )
        return ConfirmOutcome(
            meal=confirmed,
            position=self._diary.position,
            confirmed_count=len(kept),
            rejected_count=len(meal.entries) - len(kept),
        )

    async def update_meal(
        self, actor: Actor, command: UpdateMeal, deadline: Deadline = NO_DEADLINE
    ) -> MealOutcome:
        self._begin(actor, command, deadline)
        meal = self._mine(actor, command.meal_id)
        if command.notes is not UNSET:
            meal = structs.replace(meal, notes=command.notes)
        return MealOutcome(meal=self._diary.put(meal), position=self._diary.position)

    async def delete_meal(
        self, actor: Actor, command: DeleteMeal, deadline: Deadline = NO_DEADLINE
    ) -> MealOutcome:
        self._begin(actor, command, deadline)
        meal = self._mine(actor, command.meal_id)
        deleted = self._diary.put(structs.replace(meal, status=MealStatus.DELETED))
        return MealOutcome(meal=deleted, position=self._diary.position)


class InMemoryReadModels:
    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self.not_ready: Exception | None = None
        self.condition: list[ReadModelCondition] = []
        self.queries: list[HistoryQuery] = []

    def _begin(self, min_position: int | None) -> None:
        self._diary.fail_if_told()
        if min_position is not None and min_position > self._diary.position:
            raise PositionBeyondHead

    async def meal(
        self, user_id: str, meal_id: str, *, min_position: int | None = None
    ) -> MealSnapshot | None:
        self._begin(min_position)
        assert str(UUID(meal_id)) == meal_id
        return next((meal for meal in self._diary.of(user_id) if meal.id == meal_id), None)

    async def meal_history(
        self, user_id: str, query: HistoryQuery, *, min_position: int | None = None
    ) -> MealPage:
        self._begin(min_position)
        self.queries.append(query)
        meals = [meal for meal in self._diary.of(user_id) if _is_behind(meal, query.after)]
        return MealPage(meals=tuple(meals[: query.first]), has_next_page=len(meals) > query.first)

    async def daily_summary(
        self, user_id: str, day: date, *, min_position: int | None = None
    ) -> DailySummary:
        self._begin(min_position)
        meals = [meal for meal in self._diary.of(user_id) if meal.local_date == day]
        confirmed = [meal for meal in meals if meal.status is MealStatus.CONFIRMED]
        totals = total(meal.totals for meal in confirmed)
        return DailySummary(
            date=day,
            totals=totals,
            meal_count=len(confirmed),
            pending_count=sum(meal.status is MealStatus.ANALYZED for meal in meals),
            breakdown=(MealTypeSummary(meal_type=MealType.LUNCH, meal_count=len(confirmed), totals=totals),)
            if confirmed
            else (),
            position=self._diary.position,
        )

    async def conditions(self) -> list[ReadModelCondition]:
        if self.not_ready is not None:
            raise self.not_ready
        return self.condition


def _is_behind(meal: MealSnapshot, cursor: HistoryCursor | None) -> bool:
    return cursor is None or (meal.eaten_at, meal.id) < (cursor.eaten_at, cursor.meal_id)
