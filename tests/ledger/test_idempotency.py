"""What makes two requests with one key the same request."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from msgspec import structs

from ledger.commands import AnalyzeMealPhoto
from ledger.idempotency import fingerprint, former_fingerprint
from ledger.values import MealType

MEAL = UUID("6d61dc14-9c0b-4f0e-8f5d-6f6a1d0f3c12")
SIGNED = AnalyzeMealPhoto(
    photo_url="https://photos.example.com/alice/plate.jpg?X-Signature=first&X-Expires=300#a",
    eaten_at=datetime.fromisoformat("2025-11-21T21:30:00-08:00"),
    idempotency_key="k",
)


@pytest.mark.parametrize(
    "url",
    [
        "https://photos.example.com/alice/plate.jpg?X-Signature=second&X-Expires=300",
        "https://photos.example.com/alice/plate.jpg",
        "https://PHOTOS.example.com/alice/plate.jpg?X-Signature=first",
        "HTTPS://photos.example.com/alice/plate.jpg#b",
    ],
)
def test_a_newly_signed_address_is_the_same_request(url: str) -> None:
    assert fingerprint(MEAL, structs.replace(SIGNED, photo_url=url)) == fingerprint(MEAL, SIGNED)


@pytest.mark.parametrize(
    "change",
    [
        {"photo_url": "http://photos.example.com/alice/plate.jpg"},
        {"photo_url": "https://photos.example.org/alice/plate.jpg"},
        {"photo_url": "https://photos.example.com:8443/alice/plate.jpg"},
        {"photo_url": "https://photos.example.com/alice/Plate.jpg"},
        {"photo_url": "https://photos.example.com/alice/plate.jpg/"},
        {"dish_hint": "soup"},
        {"meal_type": MealType.DINNER},
        {"time_zone": "America/Los_Angeles"},
        {"eaten_at": None},
        {"eaten_at": datetime.fromisoformat("2025-11-22T05:30:00+00:00")},  # the same moment of another day
    ],
)
def test_any_other_argument_makes_another_request(change: dict[str, object]) -> None:
    assert fingerprint(MEAL, structs.replace(SIGNED, **change)) != fingerprint(MEAL, SIGNED)


def test_a_named_zone_makes_the_offset_of_the_time_irrelevant() -> None:
    there = structs.replace(SIGNED, time_zone="America/Los_Angeles")
    here = structs.replace(there, eaten_at=datetime.fromisoformat("2025-11-22T05:30:00+00:00"))
    assert fingerprint(MEAL, here) == fingerprint(MEAL, there)


def test_a_fingerprint_differs_from_meal_to_meal() -> None:
    assert fingerprint(uuid4(), SIGNED) != fingerprint(MEAL, SIGNED)


def test_the_former_fingerprint_is_the_one_stored_before() -> None:
    """Of the whole URL, and of the time in UTC, whichever offset was sent."""
    command = AnalyzeMealPhoto(
        photo_url="https://example.com/a.jpg?s=1",
        eaten_at=datetime.fromisoformat("2025-11-21T13:00:00+01:00"),
    )
    assert (
        former_fingerprint(MEAL, command)
        == "dbb0eabeecd7d3492533c137582a8c7c8943c503d8bd2977ce6e42d9fc8ce410"
    )
