"""Who owes whom after a trip, to the cent."""

from ledger.entries import Expense, Ledger
from ledger.money import ZERO, Money
from ledger.settle import Transfer, balances, statement, transfers

__all__ = ["ZERO", "Expense", "Ledger", "Money", "Transfer", "balances", "statement", "transfers"]
