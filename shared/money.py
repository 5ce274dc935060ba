"""Money: `Decimal` where it is read and written, whole nano-units of the currency where it is stored and counted; never a float."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated

from pydantic import Field

NANO = 10**9
_EXACT = Context(prec=100)

Amount = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=9)]
"""An amount in the deployment's currency."""


def nano(amount: Decimal) -> int:
    """Return an amount in nano-units, rounded half to even."""
    return int(amount.scaleb(9, _EXACT).to_integral_value(ROUND_HALF_EVEN))


def amount(nanos: int) -> Decimal:
    """Return nano-units as an amount."""
    return Decimal(nanos).scaleb(-9, _EXACT)
