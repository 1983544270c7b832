"""The whole service, as a newcomer and an app see it: real processes, a real MongoDB, nothing in between."""

import json
import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ops.stand_ins.menu import SLOW_SECONDS
from tests.ops.running_service import Client, LocalEnvironment, meal_ledger


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with LocalEnvironment(tmp_path_factory.mktemp("service") / "data") as running:
        yield running


@pytest.fixture
def alice(service: LocalEnvironment) -> Iterator[Client]:
    with service.client(f"alice-{secrets.token_hex(4)}") as client:
        yield client


@pytest.fixture
def bob(service: LocalEnvironment) -> Iterator[Client]:
    with service.client(f"bob-{secrets.token_hex(4)}") as client:
        yield client


def test_the_smoke_tests_pass_twice(service: LocalEnvironment) -> None:
    token = meal_ledger("token", "--user", "alice", env=service.env).stdout.strip()
    for _ in range(2):
        smoke = meal_ledger("smoke", "--url", service.url, env={"MEAL_LEDGER_TOKEN": token})
        assert smoke.returncode == 0, smoke.stdout + smoke.stderr
        assert "failed" not in smoke.stdout
        assert smoke.stderr == ""


def test_health_has_just_the_documented_shape(service: LocalEnvironment) -> None:
    health = httpx.get(f"{service.url}/health").json()
    assert health.keys() == {"status", "version"}
    assert health["status"] == "healthy"
    assert httpx.get(f"{service.url}/livez").status_code == 200
    assert httpx.get(f"{service.url}/readyz").status_code == 200


def test_a_request_without_a_token_is_refused(service: LocalEnvironment) -> None:
    refused = httpx.post(f"{service.url}/graphql", json={"query": "{ __typename }"})
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_from_a_photo_to_the_days_summary(alice: Client) -> None:
    analyzed = alice.analyze("chicken-rice-broccoli.jpg", at="2025-11-13T12:30:00+01:00", zone="Europe/Paris")
    assert (analyzed["status"], analyzed["userErrors"]) == ("ANALYZED", [])
    meal = analyzed["meal"]
    assert (meal["localDate"], meal["mealType"]) == ("2025-11-13", "LUNCH")
    assert [entry["name"] for entry in meal["entries"]] == ["chicken breast", "white rice", "broccoli"]
    chicken, rice, _ = meal["entries"]
    pending = alice.summary("2025-11-13", analyzed["position"])
    assert (pending["mealCount"], pending["pendingCount"], pending["totals"]["calories"]) == (0, 1, 0)

    confirmed = alice.confirm(analyzed["mealId"], chicken["id"], rice["id"])
    assert (confirmed["confirmedCount"], confirmed["rejectedCount"]) == (2, 1)
    kept = chicken["nutrients"]["calories"] + rice["nutrients"]["calories"]
    day = alice.summary("2025-11-13", confirmed["position"])
    assert (day["mealCount"], day["pendingCount"]) == (1, 0)
    assert day["totals"]["calories"] == confirmed["meal"]["totals"]["calories"] == pytest.approx(kept)
    assert day["breakdown"] == [
        {"mealType": "LUNCH", "mealCount": 1, "totals": {"calories": day["totals"]["calories"]}}
    ]


def test_a_meal_moved_to_another_day_leaves_both_exact(alice: Client) -> None:
    analyzed = alice.analyze(at="2025-11-13T23:30:00Z")
    alice.confirm(analyzed["mealId"], *[entry["id"] for entry in analyzed["meal"]["entries"]])
    moved = alice.ask(
        """mutation ($id: ID!) { updateMeal(mealId: $id, timeZone: "Asia/Kathmandu", notes: "late") {
            position userErrors { code } meal { localDate notes } } }""",
        id=analyzed["mealId"],
    )["updateMeal"]
    assert moved["meal"] == {"localDate": "2025-11-14", "notes": "late"}
    assert alice.summary("2025-11-13", moved["position"])["mealCount"] == 0
    assert alice.summary("2025-11-14", moved["position"])["mealCount"] == 1
    deleted = alice.ask(
        "mutation ($id: ID!) { deleteMeal(mealId: $id) { position meal { status } } }", id=analyzed["mealId"]
    )["deleteMeal"]
    assert deleted["meal"]["status"] == "DELETED"
    empty = alice.summary("2025-11-14", deleted["position"])
    assert (empty["mealCount"], empty["totals"]) == (0, {"calories": 0, "complete": True})


def test_an_offset_without_a_zone_gives_day_and_meal(alice: Client) -> None:
    analyzed = alice.analyze(at="2025-11-21T21:30:00-08:00")
    meal = analyzed["meal"]
    assert (meal["localDate"], meal["mealType"], meal["timeZone"]) == ("2025-11-21", "DINNER", "-08:00")
    confirmed = alice.confirm(analyzed["mealId"], *[entry["id"] for entry in meal["entries"]])
    assert alice.summary("2025-11-21", confirmed["position"])["mealCount"] == 1
    assert alice.summary("2025-11-22", confirmed["position"])["mealCount"] == 0
    moved = alice.ask(
        """mutation ($id: ID!) { updateMeal(mealId: $id, eatenAt: "2025-11-20T23:45:00+05:45") {
            position userErrors { code } meal { localDate timeZone eatenAt mealType } } }""",
        id=analyzed["mealId"],
    )["updateMeal"]
    assert moved["meal"] == {
        "localDate": "2025-11-20",
        "timeZone": "+05:45",
        "eatenAt": "2025-11-20T18:00:00.000Z",
        "mealType": "DINNER",
    }
    assert alice.summary("2025-11-20", moved["position"])["mealCount"] == 1


@pytest.mark.parametrize(
    ("zone", "stored"),
    [("Etc/UTC", "UTC"), ("GMT", "Etc/GMT"), ("Etc/GMT+6", "Etc/GMT+6"), ("US/Eastern", "America/New_York"),
     ("Japan", "Asia/Tokyo"), ("Singapore", "Asia/Singapore"), ("EST5EDT", "EST5EDT"), ("-08:00", "-08:00"),
     ("localtime", None), ("Factory", None), ("posixrules", None), ("../zoneinfo/UTC", None)],
)  # fmt: skip
def test_a_devices_zone_is_stored_in_its_canonical_name(alice: Client, zone: str, stored: str | None) -> None:
    answer = alice.analyze(zone=zone)
    if stored is None:
        (error,) = answer["userErrors"]
        assert (answer["meal"], error["code"], error["field"]) == (None, "VALIDATION_ERROR", "timeZone")
    else:
        assert (answer["userErrors"], answer["meal"]["timeZone"]) == ([], stored)


def test_a_second_delete_answers_as_the_first_did(alice: Client) -> None:
    analyzed = alice.analyze()
    delete = """mutation ($id: ID!) { deleteMeal(mealId: $id) {
        meal { id status photoUrl updatedAt } userErrors { code } } }"""
    first, second = [alice.ask(delete, id=analyzed["mealId"])["deleteMeal"] for _ in range(2)]
    assert (first["meal"]["status"], first["userErrors"]) == ("DELETED", [])
    assert second == first


def test_a_photo_signed_anew_is_the_same_request(alice: Client) -> None:
    long = "rice.jpg?signature=".ljust(4096 - len("https://example.com/"), "s")
    first = alice.analyze(long, key="signed")
    assert (first["status"], first["userErrors"]) == ("ANALYZED", [])
    assert alice.analyze("rice.jpg?signature=other", key="signed")["mealId"] == first["mealId"]
    (error,) = alice.analyze(f"{long}s", key="longer")["userErrors"]
    assert (error["code"], error["field"]) == ("VALIDATION_ERROR", "photoUrl")


def test_another_persons_meal_is_not_there(alice: Client, bob: Client) -> None:
    analyzed = alice.analyze()
    assert alice.status(analyzed["mealId"], analyzed["position"]) == "ANALYZED"
    assert bob.status(analyzed["mealId"]) is None
    entries = [entry["id"] for entry in analyzed["meal"]["entries"]]
    assert bob.confirm(analyzed["mealId"], *entries)["userErrors"] == [
        {"code": "MEAL_NOT_FOUND", "field": "mealId"}
    ]
    assert bob.ask("{ mealHistory { edges { node { id } } } }")["mealHistory"]["edges"] == []


def test_duplicate_requests_make_one_meal(alice: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: alice.analyze(key="breakfast"), range(8)))
    assert len({answer["mealId"] for answer in answers}) == 1
    assert {answer["status"] for answer in answers} == {"ANALYZED"}
    history = alice.ask(
        "query ($at: Position) { mealHistory(first: 100, minPosition: $at) { edges { node { id } } } }",
        at=answers[0]["position"],
    )["mealHistory"]
    assert len(history["edges"]) == 1
    other = alice.analyze("other.jpg", key="breakfast")
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_CONFLICT"]
    assert other["mealId"] is None


def test_an_empty_plate_is_a_failed_meal_that_says_why(alice: Client) -> None:
    answer = alice.analyze("empty-plate.jpg")
    assert answer["status"] == "FAILED"
    assert [error["code"] for error in answer["userErrors"]] == ["NO_FOOD_RECOGNIZED"]
    assert alice.status(answer["mealId"], answer["position"]) == "FAILED"


@pytest.mark.parametrize(
    ("hint", "grams", "least", "most"),
    [
        ("200 g aubergine parmigiana", 200, 150, 450),
        ("250 ml 2% milk", 250, 115, 135),
        ("black coffee", 237, 0, 6),
        ("300 g chicken tikka masala", 300, 250, 550),
    ],
)
def test_a_food_typed_in_the_hint_is_found(
    alice: Client, hint: str, grams: float, least: float, most: float
) -> None:
    (entry,) = alice.analyze(hint=hint)["meal"]["entries"]
    assert entry["quantityG"] == grams
    assert least <= entry["nutrients"]["calories"] <= most


def test_a_food_that_no_database_knows_stays_with_a_warning(alice: Client) -> None:
    answer = alice.analyze("haggis-and-rice.jpg")
    haggis = next(entry for entry in answer["meal"]["entries"] if entry["name"] == "haggis")
    assert haggis["nutrients"] == {"calories": None, "complete": False}
    assert haggis["provenance"] is None
    assert [warning["code"] for warning in answer["meal"]["warnings"]] == ["NUTRIENTS_NOT_FOUND"]


def test_a_meal_of_the_future_is_refused(alice: Client) -> None:
    answer = alice.analyze(at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert answer["mealId"] is answer["status"] is answer["meal"] is answer["position"] is None
    (error,) = answer["userErrors"]
    assert (error["code"], error["field"]) == ("VALIDATION_ERROR", "eatenAt")


def test_the_history_pages_through_everything_once_newest_first(alice: Client) -> None:
    answers = [alice.analyze(at=f"2025-11-{day:02}T12:00:00Z") for day in (3, 1, 2, 2, 3)]
    made = [answer["mealId"] for answer in answers]
    seen, after = [], None
    while True:
        page = alice.ask(
            """query ($after: String, $at: Position) { mealHistory(first: 2, after: $after, minPosition: $at) {
                edges { node { id eatenAt } } pageInfo { hasNextPage endCursor } } }""",
            after=after,
            at=answers[-1]["position"],
        )["mealHistory"]
        seen += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sorted(meal["id"] for meal in seen) == sorted(made)
    assert [meal["eatenAt"] for meal in seen] == sorted((meal["eatenAt"] for meal in seen), reverse=True)


def test_secrets_and_personal_data_stay_out_of_the_logs(service: LocalEnvironment, alice: Client) -> None:
    analyzed = alice.analyze("very-secret-plate.jpg", hint="my secret hint rice")
    alice.ask(
        'mutation ($id: ID!) { updateMeal(mealId: $id, notes: "my secret note") { userErrors { code } } }',
        id=analyzed["mealId"],
    )
    token = meal_ledger("token", "--user", "alice", env=service.env).stdout.strip()
    httpx.post(f"{service.url}/graphql?token={token}", json={"query": "{ __typename }"})
    logs = "".join(
        log.read_text() for log in (service.data / "logs").glob("*.log") if "mongodb" not in log.name
    )
    assert "http_request" in logs
    for secret in ("very-secret-plate", "secret hint", "secret note", token, token.split(".")[2]):
        assert secret not in logs
    for line in (service.data / "logs" / "api.log").read_text().splitlines():
        assert "timestamp" in json.loads(line)


@pytest.mark.parametrize(
    ("photo", "status", "codes", "warnings"),
    [
        ("refused.jpg", "FAILED", ["ANALYSIS_REFUSED"], set()),
        ("unreachable-2.png", "FAILED", ["PHOTO_NOT_ACCESSIBLE"], set()),
        ("limit.jpg", "FAILED", ["RATE_LIMITED"], set()),
        ("empty.jpg", "FAILED", ["NO_FOOD_RECOGNIZED"], set()),
        ("unknown.jpg", "ANALYZED", [], {"NUTRIENTS_NOT_FOUND"}),
        ("warnings.jpg", "ANALYZED", [], {"MATCH_UNCERTAIN", "NUTRIENTS_NOT_FOUND"}),
    ],
)
def test_a_photo_of_the_menu_goes_as_its_name_says(
    alice: Client, photo: str, status: str, codes: list[str], warnings: set[str]
) -> None:
    answer = alice.analyze(photo)
    assert (answer["status"], [error["code"] for error in answer["userErrors"]]) == (status, codes)
    assert {warning["code"] for warning in answer["meal"]["warnings"]} >= warnings


def test_a_slow_photo_is_analyzing_meanwhile(service: LocalEnvironment, alice: Client, bob: Client) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(alice.analyze, "slow.jpg")
        assert bob.analyze()["status"] == "ANALYZED"
        assert not slow.done()
        assert slow.result()["status"] == "ANALYZED"
    assert time.monotonic() - started >= SLOW_SECONDS


def test_the_first_page_has_a_token_for_this_machine_alone(service: LocalEnvironment) -> None:
    page = httpx.get(service.url + "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    [token] = re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", page.text)
    with Client(service.url, token) as person:
        assert person.ask("{ __typename }") == {"__typename": "Query"}
    for name in ("/graphql", "mongodb://", "refused.jpg", "/logs"):
        assert name in page.text
    elsewhere = httpx.get(service.url + "/", headers={"Host": "evil.example.com"})
    assert (elsewhere.status_code, "eyJ" in elsewhere.text) == (200, False)
