"""The choice among the records of a plate's foods by a model, where one is asked to."""

import asyncio
import logging
from collections.abc import Sequence

from msgspec import structs

from ledger.errors import ANALYSIS_FAILURES
from ledger.food_matching import candidates, chosen_match
from ledger.food_search import FoundFood
from ledger.ports import FoodChoice, FoodChooser
from ledger.values import ChoiceRun

_log = logging.getLogger(__name__)

_MOST_CANDIDATES = 30


async def chosen(
    chooser: FoodChooser, found: Sequence[FoundFood], *, user_id: str, until: float | None = None
) -> tuple[Sequence[FoundFood], ChoiceRun | None]:
    """What was found, with the records that the chooser took, all in one call; and the chooser's run.

    Where it fails, or has not answered at `until` on the event loop's clock, all is left as the scores decided.
    """
    listed = [candidates(one.food, one.records)[:_MOST_CANDIDATES] for one in found]
    asked = [place for place, offered in enumerate(listed) if offered]
    if not asked:
        return found, None
    choices = [
        FoodChoice(
            name=found[place].food.name,
            state=found[place].food.state,
            candidates=tuple(candidate.record for candidate in listed[place]),
        )
        for place in asked
    ]
    try:
        async with asyncio.timeout_at(until):
            outcome = await chooser.choose(foods=choices, user_id=user_id)
    except (TimeoutError, *ANALYSIS_FAILURES) as failure:
        _log.warning("food_choice_failed", extra={"error": type(failure).__name__})
        return found, None
    taken = list(found)
    for place, number in zip(asked, outcome.chosen, strict=True):
        match = None if number is None else chosen_match(listed[place][number])
        taken[place] = structs.replace(found[place], match=match)
    return taken, ChoiceRun(run=outcome.run, duration_ms=outcome.duration_ms)
