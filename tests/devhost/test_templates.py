import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.templates import RouteInvalid, Template

words = st.text("abcXYZ019-_.~", min_size=1, max_size=8)
values = st.text(st.characters(blacklist_characters="/", blacklist_categories=("Cs",)), min_size=1, max_size=12)


@given(st.lists(words, min_size=1, max_size=5))
def test_a_literal_matches_itself_in_any_case_and_nothing_longer(segments: list[str]) -> None:
    template = Template.parse("/".join(segments))

    assert template.match("/" + "/".join(segments).swapcase()) == {}
    assert template.match("/" + "/".join(segments) + "/") == {}
    assert template.match("/" + "/".join([*segments, "more"])) is None


@given(words, values, values)
def test_a_parameter_takes_exactly_one_segment(word: str, first: str, second: str) -> None:
    template = Template.parse(word + "/{id}")

    assert template.match(f"/{word}/{first}") == {"id": first}
    assert template.match(f"/{word}/{first}/{second}") is None
    assert template.match(f"/{word}") is None


@given(words, st.lists(values, max_size=4))
def test_a_catch_all_takes_whatever_follows(word: str, rest: list[str]) -> None:
    parameters = Template.parse(word + "/{*rest}").match("/".join(["", word, *rest]))

    assert parameters == ({"rest": "/".join(rest)} if rest else {})


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("items/{id:int}", "/items/12", {"id": "12"}),
        ("items/{id:int}", "/items/-12", {"id": "-12"}),
        ("items/{id:int}", "/items/twelve", None),
        ("items/{id:int}/parts", "/items/12/parts", {"id": "12"}),
        ("items/{id?}", "/items", {}),
        ("items/{id?}", "/items/7", {"id": "7"}),
        ("items/{id:int?}", "/items", {}),
        (
            "items/{id:guid}",
            "/items/6F9619FF-8B86-D011-B42D-00CF4FC964FF",
            {"id": "6F9619FF-8B86-D011-B42D-00CF4FC964FF"},
        ),
        ("items/{id:guid}", "/items/7", None),
        ("{name:alpha:minlength(3)}", "/abc", {"name": "abc"}),
        ("{name:alpha:minlength(3)}", "/ab", None),
        ("{name:length(2,3)}", "/abcd", None),
        ("files/{name}.json", "/files/a.b.json", {"name": "a.b"}),
        ("files/{name}.json", "/files/a.txt", None),
        ("v1/{**rest}", "/v1/a/b", {"rest": "a/b"}),
        ("v1/{*rest}", "/v1", {}),
        ("v1/{*rest}", "/v10", None),
        ("", "/", {}),
    ],
)
def test_templates_of_asp_net(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert Template.parse(template).match(path) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{*rest}/more",
        "{a?}/b",
        "{id:phone}",
        "{id:minlength}",
        "{open",
        "shut}",
        "{a}{b:int}",
        "{*rest:int}",
        "{a}/{a}",
    ],
)
def test_a_template_that_is_not_understood_is_refused(template: str) -> None:
    with pytest.raises(RouteInvalid):
        Template.parse(template)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("v1/{*rest}", "v1/files", True),
        ("v1/{*rest}", "v2/files", False),
        ("v1/{id}", "v1/files", True),
        ("v1/{id:int}", "v1/files", False),
        ("v1/{id}", "v1/{name}", True),
        ("v1/{id}", "v1/{id}/content", False),
        ("v1/{id?}", "v1", True),
        ("v1", "v1/{*rest}", True),
        ("V1/Files", "v1/files", True),
    ],
)
def test_templates_overlap_where_one_path_fits_both(one: str, other: str, expected: bool) -> None:
    assert Template.parse(one).overlaps(Template.parse(other)) is expected
    assert Template.parse(other).overlaps(Template.parse(one)) is expected


kinds = ["a", "b", "{p#}", "{p#:int}", "{p#?}", "{*p#}"]
shapes = st.lists(st.sampled_from(kinds), min_size=1, max_size=3).map(
    lambda parts: "/".join(part.replace("#", str(at)) for at, part in enumerate(parts))
)
paths = st.lists(st.sampled_from(["a", "b", "7", "c"]), max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(shapes, shapes, paths)
def test_templates_that_share_a_path_are_said_to_overlap(one: str, other: str, path: str) -> None:
    try:
        first, second = Template.parse(one), Template.parse(other)
    except RouteInvalid:
        return

    if first.match(path) is not None and second.match(path) is not None:
        assert first.overlaps(second)
