"""Money: `Decimal` where it is read and written, whole nano-units of the currency where it is stored and counted; never a float."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer

NANO = 10**9
_EXACT = Context(prec=100)


def text_of(amount: Decimal) -> str:
    """Return an amount as people write it: without an exponent, and without zeros at its end."""
    return f"{_plain(amount).normalize(_EXACT):f}"


def _plain(amount: Decimal) -> Decimal:
    """Return the same amount without a large exponent: written out, `0E+9` and `1E+5` would be as long as that says."""
    exponent = amount.as_tuple().exponent
    if not amount or not isinstance(exponent, int):
        return Decimal(0)
    return amount.quantize(Decimal(1), context=_EXACT) if exponent > 0 else amount


Amount = Annotated[
    Decimal,
    Field(ge=0, le=10**9, decimal_places=9),
    AfterValidator(_plain),
    PlainSerializer(text_of, return_type=str, when_used="json"),
]
"""An amount in the deployment's currency."""


def nano(amount: Decimal) -> int:
    """Return an amount in nano-units, rounded half to even."""
    return int(amount.scaleb(9, _EXACT).to_integral_value(ROUND_HALF_EVEN))


def amount(nanos: int) -> Decimal:
    """Return nano-units as an amount."""
    return Decimal(nanos).scaleb(-9, _EXACT)
