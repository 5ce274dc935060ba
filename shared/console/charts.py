"""Charts as plain SVG: they need no script, and every figure in them stands in a table beside them as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Self

from markupsafe import Markup

WIDTH, HEIGHT = 960, 240
_LEFT, _BOTTOM, _TOP = 64, 28, 12
_LINES = 4
_MOST_LABELS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` None: nobody knows yet, which is drawn as a mark and not as nothing."""

    label: str
    value: Decimal | None
    title: str


@dataclass(frozen=True, slots=True)
class Scale:
    """What the upper edge stands for and, below zero, the lower one."""

    top: Decimal
    low: Decimal
    step: Decimal

    @classmethod
    def of(cls, most: Decimal, least: Decimal) -> Self:
        """Return one whose lines are the same round number apart above zero and below it, so none covers another."""
        step = nice((most - least) / _LINES)
        return cls(_up(most, step) if most or least else step, _up(-least, step), step)

    def lines(self) -> list[Decimal]:
        return [self.step * place for place in range(-int(self.low / self.step), int(self.top / self.step) + 1)]

    def y(self, value: Decimal) -> float:
        return _TOP + float((self.top - value) / (self.top + self.low)) * (HEIGHT - _BOTTOM - _TOP)


def bars(items: Sequence[Bar], title: str) -> Markup:
    """Return a column for each item; credits stand below the line."""
    known = [item.value for item in items if item.value is not None]
    zero = Decimal(0)
    scale = Scale.of(max([*known, zero]), min([*known, zero]))
    slot = (WIDTH - _LEFT) / max(len(items), 1)
    every = -(-len(items) // _MOST_LABELS)
    drawn = [_grid(scale)]
    for place, item in enumerate(items):
        x = _LEFT + place * slot
        drawn.append(_column(item, x, slot, scale))
        if place % max(every, 1) == 0:
            drawn.append(
                Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                    x + slot / 2, HEIGHT - 8, item.label
                )
            )
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(drawn)
    )


def meter(share: float) -> Markup:
    """Return a bar that is filled to a share between 0 and 1."""
    filled = max(0.0, min(share, 1.0)) * 100
    return Markup(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="6" rx="1"/><rect class="fill" width="{:.2f}" height="6" rx="1"/></svg>'
    ).format(filled)


def sparkline(values: Sequence[int], most: int, title: str) -> Markup:
    """Return a small line from the oldest value to the newest."""
    if not values:
        return Markup("")
    step = 116 / max(len(values) - 1, 1)
    points = " ".join(f"{2 + i * step:.1f},{26 - 22 * value / max(most, 1):.1f}" for i, value in enumerate(values))
    return Markup(
        '<svg class="spark" viewBox="0 0 120 28" role="img" aria-label="{}"><polyline points="{}"/></svg>'
    ).format(title, points)


def nice(value: Decimal) -> Decimal:
    """Return the next round number: 1, 2, 2.5 or 5 times a power of ten."""
    if value <= 0:
        return Decimal(1)
    power = Decimal(10) ** value.adjusted()
    return next(power * step for step in map(Decimal, ("1", "2", "2.5", "5", "10")) if value <= power * step)


def _up(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step


def _grid(scale: Scale) -> Markup:
    lines = []
    for value in scale.lines():
        y = scale.y(value)
        lines.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
            ).format(_LEFT, WIDTH, y, y, _LEFT - 8, y + 4, f"{value.normalize():f}")
        )
    return Markup("").join(lines)


def _column(item: Bar, x: float, slot: float, scale: Scale) -> Markup:
    zero = scale.y(Decimal(0))
    y, height = zero, 0.0
    if item.value is None:
        y, height = zero - 6, 6.0
    elif item.value:
        end = scale.y(item.value)
        height = max(abs(zero - end), 1.0)
        y = zero - height if item.value > 0 else zero
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"><title>{}</title></rect>'
    ).format("unknown" if item.value is None else "bar", x + slot * 0.15, y, slot * 0.7, height, item.title)
