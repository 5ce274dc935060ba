import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.finance.formats.text import decimal, exact, grouped, guarded, shown
from shared.finance.report import Column, Kind
from shared.money import NANO


@given(st.integers(-(10**30), 10**30))
def test_an_amount_in_text_is_exactly_the_amount(nanos: int) -> None:
    assert Fraction(decimal(nanos)) == Fraction(nanos, NANO)
    assert len(decimal(nanos).partition(".")[2]) >= 2


@given(st.integers(-(10**18), 10**18))
def test_what_people_read_is_at_most_half_a_cent_off(nanos: int) -> None:
    read = Decimal(grouped(nanos).replace(",", ""))

    assert abs(read - Decimal(nanos).scaleb(-9)) <= Decimal("0.005")
    assert nanos == 0 or read != 0


@given(st.text(max_size=20))
def test_no_text_begins_as_a_formula_does(text: str) -> None:
    written = guarded(text)

    assert written.removeprefix("'") == text or written == text
    assert NUMBER.fullmatch(written) or not written.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


NUMBER = re.compile(r"-[0-9]+\.[0-9]+")
UNSEEN = "".join(
    character
    for character in map(chr, range(0x110000))
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Zs")
)


@settings(max_examples=200)
@given(
    st.text(UNSEEN, max_size=5),
    st.sampled_from("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"),
    st.text(max_size=5),
)
def test_nothing_unseen_hides_a_formula(unseen: str, sign: str, rest: str) -> None:
    text = unseen + sign + rest

    assert guarded(text) == (text if NUMBER.fullmatch(text) else f"'{text}")


@pytest.mark.parametrize("unseen", ["\u3000", "\xa0", "\u200b", "\ufeff", "\u2060", "\u202e", "\x00", "\x0b", " \xad "])
def test_a_name_after_what_is_unseen_is_a_name(unseen: str) -> None:
    assert guarded(unseen + "team-a") == unseen + "team-a"
    assert guarded(unseen) == unseen
    assert guarded(unseen + "=1") == f"'{unseen}=1"


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1_234_567_890_123, Kind.MONEY, "1234.567890123"),
        (-5 * NANO, Kind.MONEY, "-5.00"),
        (12 * NANO, Kind.QUANTITY, "12.0"),
        (1_234_567, Kind.INTEGER, "1234567"),
        (-3333, Kind.PERCENT, "-33.33"),
        (date(2026, 11, 1), Kind.DATE, "2026-11-01"),
        (datetime(2026, 11, 1, 1, 2, 3, tzinfo=UTC), Kind.MOMENT, "2026-11-01T01:02:03Z"),
        ("=1", Kind.TEXT, "=1"),
        (None, Kind.MONEY, None),
    ],
)
def test_machines_get_exact_values(value: object, kind: Kind, expected: str | None) -> None:
    assert exact(value, Column("c", "C", kind)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1_234_567_890_123, Kind.MONEY, "1,234.57"),
        (7, Kind.MONEY, "0.000000007"),
        (0, Kind.MONEY, "0.00"),
        (-1_500_000_000, Kind.MONEY, "-1.50"),
        (1_234_567, Kind.INTEGER, "1,234,567"),
        (3333, Kind.PERCENT, "33.33 %"),
        (None, Kind.TEXT, "(none)"),
        (None, Kind.MONEY, ""),
    ],
)
def test_people_get_readable_values(value: object, kind: Kind, expected: str) -> None:
    assert shown(value, Column("c", "C", kind)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["-12.4224626", "-3.00", "0.00"])
def test_a_negative_amount_stays_a_number(text: str) -> None:
    assert guarded(text) == text


@pytest.mark.parametrize("text", ["-3", "-1+1", "-1.2.3", "--1", "-", "-\u0661", "-1\n"])
def test_what_only_begins_like_an_amount_is_guarded(text: str) -> None:
    assert guarded(text) == f"'{text}"
