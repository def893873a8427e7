"""Balances, and the transfers that clear them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Tuple

from ledger.entries import Ledger
from ledger.money import ZERO, Money


@dataclass(frozen=True)
class Transfer:
    """One payment from a debtor to a creditor."""

    debtor: str
    creditor: str
    amount: Money

    def __str__(self) -> str:
        return f"{self.debtor} pays {self.creditor} {self.amount}"


def balances(ledger: Ledger) -> Dict[str, Money]:
    """What each member gets back, or owes if below zero. Balances add up to zero."""
    result = {member: ZERO for member in ledger.members}
    for expense in ledger.expenses:
        result[expense.payer] += expense.amount
        for person, share in expense.shares:
            result[person] -= share
    return result


def transfers(balance_of: Mapping[str, Money]) -> List[Transfer]:
    """Payments that bring every balance to zero.

    Each one clears the balance of a debtor or of a creditor, and the last one clears both, so *n* people need *n* - 1
    payments at most. Raises ``ValueError`` if the balances don't add up to zero.
    """
    difference = sum(balance_of.values(), ZERO)
    if difference:
        raise ValueError(f"the balances come to {difference}, not to zero")
    unsettled = {person: balance for person, balance in balance_of.items() if balance}
    result: List[Transfer] = []
    while unsettled:
        debtor, creditor = _next_pair(unsettled)
        amount = min(-unsettled[debtor], unsettled[creditor])
        result.append(Transfer(debtor, creditor, amount))
        unsettled[debtor] += amount
        unsettled[creditor] -= amount
        unsettled = {person: balance for person, balance in unsettled.items() if balance}
    return result


def statement(ledger: Ledger) -> str:
    """The transfers that settle a ledger, one a line."""
    lines = [str(transfer) for transfer in transfers(balances(ledger))]
    return "\n".join(lines) or "All settled."


def _next_pair(unsettled: Mapping[str, Money]) -> Tuple[str, str]:
    """A debtor and the creditor to pay: two who clear each other if there are such, else those furthest from zero.

    Of equals, the one whose name sorts first goes first, so that the same ledger always settles the same way.
    """
    debtors = sorted((balance, person) for person, balance in unsettled.items() if balance < ZERO)
    creditors = sorted((-balance, person) for person, balance in unsettled.items() if balance > ZERO)
    for debt, debtor in debtors:
        for credit, creditor in creditors:
            if debt == credit:
                return debtor, creditor
    return debtors[0][1], creditors[0][1]
