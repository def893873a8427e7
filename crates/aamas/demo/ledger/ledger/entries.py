"""Expenses, and the ledger that checks and keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, List, Mapping, Tuple

from ledger.money import ZERO, Money


@dataclass(frozen=True)
class Expense:
    """Something that one person paid and that one or more people share.

    Build one with ``equally`` or ``exactly``. An expense in hand is valid: its amount is above zero, nobody has two
    shares, no share is below zero, and the shares add up to the amount.
    """

    what: str
    payer: str
    amount: Money
    shares: Tuple[Tuple[str, Money], ...]

    @classmethod
    def equally(cls, what: str, payer: str, amount: Money, among: Iterable[str]) -> Expense:
        """Share ``amount`` among people; leftover cents go to those named first."""
        people = list(among)
        if not people:
            raise ValueError(f"nobody shares {what!r}")
        return cls(what, payer, amount, tuple(zip(people, amount.split(len(people)))))

    @classmethod
    def exactly(cls, what: str, payer: str, shares: Mapping[str, Money]) -> Expense:
        """Give each person a share of their own; the amount is what the shares come to."""
        return cls(what, payer, sum(shares.values(), ZERO), tuple(shares.items()))

    def __post_init__(self) -> None:
        if not self.what.strip():
            raise ValueError("an expense needs a description")
        if self.amount <= ZERO:
            raise ValueError(f"the amount of {self.what!r} must be above zero, not {self.amount}")
        seen = set()
        for person, share in self.shares:
            if person in seen:
                raise ValueError(f"{person} shares {self.what!r} twice")
            if share < ZERO:
                raise ValueError(f"the share of {person} in {self.what!r} is below zero: {share}")
            seen.add(person)
        total = sum((share for _, share in self.shares), ZERO)
        if total != self.amount:
            raise ValueError(f"the shares of {self.what!r} come to {total}, not {self.amount}")

    @property
    def people(self) -> List[str]:
        """Everybody the expense concerns: the payer, then those who share it."""
        return [self.payer] + [person for person, _ in self.shares if person != self.payer]


class Ledger:
    """The expenses of a group whose members are known from the start."""

    def __init__(self, members: Iterable[str]) -> None:
        self.members: Tuple[str, ...] = tuple(members)
        self._expenses: List[Expense] = []
        if any(not name.strip() for name in self.members):
            raise ValueError("a member needs a name")
        if len(set(self.members)) != len(self.members):
            raise ValueError("two members have the same name")

    @property
    def expenses(self) -> Tuple[Expense, ...]:
        """The expenses in the order in which they were added."""
        return tuple(self._expenses)

    def add(self, expense: Expense) -> None:
        """Keep an expense. Raises ``ValueError`` if it concerns somebody who is no member."""
        strangers = [person for person in expense.people if person not in self.members]
        if strangers:
            raise ValueError(f"not a member: {', '.join(strangers)}")
        self._expenses.append(expense)

    def total(self) -> Money:
        """What the group has spent so far."""
        return sum((expense.amount for expense in self._expenses), ZERO)
