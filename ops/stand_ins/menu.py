"""What the local model does for photos of certain names, so that an app can be tried with what goes wrong elsewhere.

The first word of the file's name orders it: `https://example.com/slow.jpg`, `…/refused-2.jpg`.
"""

import re
from urllib.parse import urlsplit

from msgspec import Struct

_FIRST_WORD = re.compile(r"[a-z]+")

SLOW_SECONDS = 8.0


class Dish(Struct, frozen=True, kw_only=True):
    """What a name orders, in a sentence; an error of the model's service, or a plate after so many seconds.

    `plate` is what the model is taken to be told of the photo; None: the file's name says it, as for any photo.
    """

    says: str
    status: int = 200
    code: str | None = None
    headers: dict[str, str] = {}
    seconds: float = 0.0
    refusal: str | None = None
    plate: str | None = None


MENU = {
    "slow": Dish(says=f"the analysis takes {SLOW_SECONDS:.0f} seconds", seconds=SLOW_SECONDS),
    "endless": Dish(
        says="no answer: the meal stays ANALYZING until the deadline of the analysis", seconds=3600.0
    ),
    "refused": Dish(
        says="the model declines the photo (ANALYSIS_REFUSED)", refusal="I can't help with this photo."
    ),
    "unreachable": Dish(
        says="the photo cannot be fetched (PHOTO_NOT_ACCESSIBLE)", status=400, code="invalid_image_url"
    ),
    "limit": Dish(
        says="the model's service is over its limit (RATE_LIMITED)",
        status=429,
        code="rate_limit_exceeded",
        headers={"retry-after": "60"},
    ),
    "down": Dish(says="the model's service fails (SERVICE_UNAVAILABLE)", status=500),
    "empty": Dish(says="no food is seen (NO_FOOD_RECOGNIZED)", plate="nothing"),
    "unknown": Dish(
        says="a food that no database knows (a warning, unknown nutrients)", plate="120 g glorbfruit"
    ),
    "warnings": Dish(
        says="entries with warnings: an uncertain match and a food that is not found",
        plate="200 g fish and chips, 30 g glorbfruit",
    ),
}


def ordered(image_url: str | None) -> Dish | None:
    """What the photo's name orders; None for any other photo."""
    name = urlsplit(image_url or "").path.rpartition("/")[2].lower()
    word = _FIRST_WORD.match(name)
    return MENU.get(word[0]) if word else None
