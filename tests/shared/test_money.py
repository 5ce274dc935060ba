"""Money is counted in whole nano-units and never loses or gains any."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.money import NANO, Amount, amount, nano, text_of

AMOUNT: TypeAdapter[Decimal] = TypeAdapter(Amount)

amounts = st.decimals(-(10**20), 10**20, allow_nan=False, allow_infinity=False)


@given(st.integers(-(10**40), 10**40))
def test_nano_units_come_back_exactly(nanos: int) -> None:
    assert nano(amount(nanos)) == nanos


@given(st.decimals(0, 10**9, places=9))
def test_an_amount_that_is_taken_comes_back_exactly(value: Decimal) -> None:
    assert amount(nano(AMOUNT.validate_python(str(value)))) == value


@given(st.decimals(0, 10**9, places=9), st.integers(0, 12))
def test_an_amount_is_written_the_same_however_it_came(value: Decimal, zeros: int) -> None:
    read = (
        AMOUNT.validate_python(f"{value.scaleb(-zeros):f}E+{zeros}") if value else AMOUNT.validate_python(f"0E+{zeros}")
    )

    assert AMOUNT.dump_python(read, mode="json") == text_of(value)
    assert Decimal(text_of(value)) == value
    assert "E" not in text_of(value)


def test_nothing_is_written_as_one_digit() -> None:
    assert str(AMOUNT.validate_python("0E+999999999")) == "0"


@given(amounts)
def test_an_amount_is_rounded_half_to_even_from_all_of_its_digits(value: Decimal) -> None:
    assert nano(value) == round(Fraction(value) * NANO)


@pytest.mark.parametrize(
    ("value", "nanos"),
    [
        ("0.0000000005", 0),
        ("0.0000000015", 2),
        ("0.0000000025", 2),
        ("0.00000000050000000000000000000000000001", 1),
        ("-0", 0),
        ("1E+9", 10**18),
    ],
)
def test_a_half_goes_to_the_even_neighbour_and_anything_more_goes_up(value: str, nanos: int) -> None:
    assert nano(Decimal(value)) == nanos


def test_the_precision_that_is_set_around_it_does_not_matter() -> None:
    with localcontext(prec=3):
        assert nano(Decimal("123456.789012345")) == 123_456_789_012_345
        assert amount(123_456_789_012_345) == Decimal("123456.789012345")


@pytest.mark.parametrize("value", ["-0.000000001", "1000000000.000000001", "0.0000000001", "NaN", "Infinity", "ten"])
def test_what_is_no_amount_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        AMOUNT.validate_python(value)


@given(st.decimals(0, 999_999, places=9))
def test_a_json_number_is_read_as_it_is_written_up_to_a_million_and_a_text_always(value: Decimal) -> None:
    assert AMOUNT.validate_json(f"{value:f}") == value
    assert AMOUNT.validate_json('"999999999.999999999"') == Decimal("999999999.999999999")
