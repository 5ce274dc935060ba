"""Keys are read from whichever header an SDK sends them in."""

from shared.keys.service import presented_keys


def test_each_key_is_tried_once_in_a_fixed_order() -> None:
    headers = {"x-api-key": "d", "api-key": "c", "x-gateway-key": "b", "authorization": "Bearer a"}

    assert presented_keys(headers) == ["a", "b", "c", "d"]
    assert presented_keys({"authorization": "Bearer a", "api-key": "a"}) == ["a"]
