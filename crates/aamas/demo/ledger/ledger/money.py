"""Amounts of money in whole cents, so that nothing is lost to rounding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List

_AMOUNT = re.compile(r"(?P<sign>-?)(?P<units>[0-9]+)(?:\.(?P<cents>[0-9]{1,2}))?")


@dataclass(frozen=True, order=True)
class Money:
    """An amount in cents; below zero for a debt. Amounts compare and sort by size."""

    cents: int

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read an amount such as ``12``, ``12.5`` or ``-12.50``.

        Raises ``ValueError`` for anything else, fractions of a cent among them.
        """
        match = _AMOUNT.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"not an amount of money: {text!r}")
        cents = int(match["units"]) * 100 + int((match["cents"] or "").ljust(2, "0"))
        return cls(-cents if match["sign"] else cents)

    def __str__(self) -> str:
        """Write the amount the way ``parse`` reads it, always with two decimals."""
        units, cents = divmod(abs(self.cents), 100)
        sign = "-" if self.cents < 0 else ""
        return f"{sign}{units}.{cents:02d}"

    def __bool__(self) -> bool:
        return self.cents != 0

    def __neg__(self) -> Money:
        return Money(-self.cents)

    def __add__(self, other: Money) -> Money:
        return Money(self.cents + other.cents)

    def __sub__(self, other: Money) -> Money:
        return Money(self.cents - other.cents)

    def split(self, parts: int) -> List[Money]:
        """Split into shares that add up to the amount and differ by a cent at most.

        What can't be divided evenly goes to the first shares, one cent each.
        """
        if parts < 1:
            raise ValueError(f"cannot split {self} into {parts} parts")
        share, leftover = divmod(self.cents, parts)
        return [Money(share + 1 if place < leftover else share) for place in range(1, parts + 1)]


ZERO = Money(0)
