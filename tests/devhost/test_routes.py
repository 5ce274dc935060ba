import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.routes import METHODS, Route, RouteTable
from devhost.templates import RouteInvalid


def table(**templates: str) -> RouteTable:
    return RouteTable(Route.of(name, template) for name, template in templates.items())


def test_the_first_name_in_the_alphabet_wins_as_on_the_real_host() -> None:
    routes = table(details="items/{id}", listing="items/list")

    assert routes.find("GET", "/items/list") == ("details", {"id": "list"})


def test_a_route_that_loses_requests_because_of_its_name_is_pointed_out() -> None:
    assert table(details="items/{id}", listing="items/list").shadowed == [
        "/items/list of listing loses requests to /items/{id} of details: the host tries functions in the order of their names"
    ]
    assert table(a_listing="items/list", details="items/{id}").shadowed == []


def test_names_are_ordered_by_their_upper_case_characters() -> None:
    routes = table(response_item="v1/responses/{id}", responses="v1/{*rest}")

    assert routes.find("GET", "/v1/responses/7") == ("responses", {"rest": "responses/7"})


def test_a_known_path_with_another_method_is_an_unknown_path() -> None:
    routes = RouteTable([Route.of("listing", "items", ["get"])])

    assert routes.find("GET", "/items") == ("listing", {})
    assert routes.find("POST", "/items") is None
    assert routes.find("HEAD", "/items") is None


def test_two_functions_share_a_path_by_their_methods() -> None:
    routes = RouteTable([Route.of("b_read", "items", ["GET"]), Route.of("a_write", "items", ["POST"])])

    assert routes.find("GET", "/items") == ("b_read", {})
    assert routes.find("POST", "/items") == ("a_write", {})


def test_without_methods_a_function_takes_all_of_them() -> None:
    routes = table(anything="x")

    assert {method for method in METHODS if routes.find(method, "/x")} == METHODS


def test_without_a_route_a_function_is_found_by_its_name() -> None:
    assert RouteTable([Route.of("ping", "")]).find("GET", "/ping") == ("ping", {})


def test_the_prefix_stands_before_every_route() -> None:
    assert RouteTable([Route.of("ping", "x/y", prefix="api")]).find("GET", "/api/x/y") == ("ping", {})


def test_a_slash_is_the_bare_address() -> None:
    assert RouteTable([Route.of("root", "/", prefix="")]).find("GET", "/") == ("root", {})


@pytest.mark.parametrize("template", ["admin", "admin/x", "/Admin/x", "administration", "runtime/webhooks"])
def test_routes_of_the_host_itself_are_refused(template: str) -> None:
    with pytest.raises(
        RouteInvalid, match="'mine' function is in error: The specified route conflicts with one or more"
    ):
        Route.of("mine", template)


def test_two_functions_on_one_route_and_method_are_refused() -> None:
    with pytest.raises(RouteInvalid, match=r"'b' function is in error: .* defined by function 'a'"):
        RouteTable([Route.of("b", "Items", ["GET"]), Route.of("a", "items")])


segments = st.lists(st.sampled_from(["a", "b", "c", "{x}", "{*z}"]), min_size=1, max_size=3)


@given(st.lists(segments, min_size=1, max_size=6), st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=3))
def test_what_is_known_beforehand_equals_a_search_in_order(templates: list[list[str]], path: list[str]) -> None:
    routes = [r for at, parts in enumerate(templates) if (r := _route(f"f{at}", parts))]
    try:
        found = RouteTable(routes).find("GET", "/" + "/".join(path))
    except RouteInvalid:
        return

    fitting = [r for r in routes if r.template.match("/" + "/".join(path)) is not None]
    assert (found[0] if found else None) == (fitting[0].name if fitting else None)


def _route(name: str, parts: list[str]) -> Route | None:
    try:
        return Route.of(name, "/".join(parts))
    except RouteInvalid:
        return None
