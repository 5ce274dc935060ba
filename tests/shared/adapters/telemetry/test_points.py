"""However many names callers go through, what must be told is told."""

from shared.adapters.telemetry.points import NAMED, SERIES, Room
from shared.telemetry.instruments import BUDGET_USED, REQUESTS
from shared.telemetry.model import Point, Value

MODELS = [f"model-{number}" for number in range(500)]
ENDPOINTS = ["chat.completions", "responses", "embeddings", "completions", "images.generations"]


def request(**attributes: Value) -> Point:
    call = {"endpoint": "chat.completions", "model": "gpt-4o", "deployment": "east", "status": 200}
    return Point(REQUESTS, 1, {**call, "outcome": "completed", "error_code": "none", **attributes})


def flood() -> list[Point]:
    """A caller who asks everywhere for everything that has a name."""
    refused = {"deployment": "none", "status": 404, "outcome": "refused", "error_code": "model_not_found"}
    return [request(endpoint=endpoint, model=model, **refused) for endpoint in ENDPOINTS for model in MODELS]


def test_failures_of_others_are_told_after_somebody_went_through_all_names() -> None:
    lost: list[int] = []
    room = Room(lost.append)
    counted = [attributes for _, _, attributes in room.countable(flood())]
    failed = {"status": 503, "outcome": "upstream_error", "error_code": "service_unavailable", "deployment": "west"}
    ((_, _, told),) = room.countable([request(**failed)])

    assert len(counted) == len(flood())
    assert dict(told) == {"endpoint": "other", "model": "other", **failed}
    assert len({tuple(each.items()) for each in counted}) <= NAMED + 1
    assert lost == []


def test_series_that_were_there_before_keep_their_names() -> None:
    room = Room(lambda count: None)
    before = list(room.countable([request()]))
    list(room.countable(flood()))

    assert list(room.countable([request()])) == before


def test_what_nobody_chooses_is_never_renamed() -> None:
    lost: list[int] = []
    room = Room(lost.append)
    points = [Point(BUDGET_USED, 0.5, {"budget": f"b{number}", "team": "t"}) for number in range(SERIES + 5)]

    counted = [attributes["budget"] for _, _, attributes in room.countable(points)]

    assert counted == [f"b{number}" for number in range(SERIES)]
    assert sum(lost) == 5


def test_room_that_is_given_back_can_be_used_again() -> None:
    lost: list[int] = []
    room = Room(lost.append)
    list(room.countable([Point(BUDGET_USED, 1, {"budget": f"b{number}", "team": "t"}) for number in range(SERIES)]))
    room.forget(BUDGET_USED, ("b3", "t"))

    assert len(list(room.countable([Point(BUDGET_USED, 1, {"budget": "new", "team": "t"})]))) == 1
    assert lost == []
