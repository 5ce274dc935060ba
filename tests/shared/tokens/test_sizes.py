from shared.tokens.sizes import ResponseSizes


def test_the_size_of_a_response_is_remembered() -> None:
    sizes = ResponseSizes()
    sizes.note("resp_1", 500)
    sizes.note("resp_1", 900)
    sizes.note(None, 7)

    assert (sizes.of("resp_1"), sizes.of("resp_2")) == (900, None)


def test_the_oldest_are_forgotten() -> None:
    sizes = ResponseSizes(kept=2)
    for identity in ("a", "b", "a", "c"):
        sizes.note(identity, 1)

    assert [sizes.of(identity) for identity in ("a", "b", "c")] == [1, None, 1]
