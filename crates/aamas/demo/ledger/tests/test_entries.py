"""Expenses, and the ledger that checks and keeps them."""

import unittest
from typing import Callable, Dict

from ledger import Expense, Ledger, Money


class Shares(unittest.TestCase):
    def test_an_expense_is_shared_equally(self) -> None:
        expense = Expense.equally("Taxi", "Ada", Money(2400), ["Ada", "Ben"])
        self.assertEqual(dict(expense.shares), {"Ada": Money(1200), "Ben": Money(1200)})

    def test_those_named_first_carry_the_leftover_cents(self) -> None:
        expense = Expense.equally("Dinner", "Ada", Money(10000), ["Cleo", "Ada", "Ben"])
        self.assertEqual(dict(expense.shares), {"Cleo": Money(3334), "Ada": Money(3333), "Ben": Money(3333)})

    def test_exact_shares_make_up_the_amount(self) -> None:
        expense = Expense.exactly("Tickets", "Ben", {"Ada": Money(1999), "Cleo": Money(501)})
        self.assertEqual(expense.amount, Money(2500))
        self.assertEqual(expense.people, ["Ben", "Ada", "Cleo"])

    def test_impossible_expenses_are_refused(self) -> None:
        ten = Money(1000)
        cases: Dict[str, Callable[[], Expense]] = {
            "needs a description": lambda: Expense.equally(" ", "Ada", ten, ["Ada"]),
            "nobody shares": lambda: Expense.equally("Taxi", "Ada", ten, []),
            "must be above zero": lambda: Expense.equally("Taxi", "Ada", Money(0), ["Ada"]),
            "twice": lambda: Expense.equally("Taxi", "Ada", ten, ["Ben", "Ben"]),
            "is below zero": lambda: Expense.exactly("Taxi", "Ada", {"Ada": Money(1100), "Ben": Money(-100)}),
            "come to 9.00, not 10.00": lambda: Expense("Taxi", "Ada", ten, (("Ada", Money(900)),)),
        }
        for reason, build in cases.items():
            with self.subTest(reason=reason), self.assertRaisesRegex(ValueError, reason):
                build()


class Keeping(unittest.TestCase):
    def test_expenses_are_kept_in_order(self) -> None:
        ledger = Ledger(["Ada", "Ben"])
        taxi = Expense.equally("Taxi", "Ada", Money(2400), ledger.members)
        lunch = Expense.exactly("Lunch", "Ben", {"Ben": Money(1150)})
        ledger.add(taxi)
        ledger.add(lunch)
        self.assertEqual(ledger.expenses, (taxi, lunch))
        self.assertEqual(ledger.total(), Money(3550))

    def test_strangers_are_refused(self) -> None:
        ledger = Ledger(["Ada", "Ben"])
        with self.assertRaisesRegex(ValueError, "not a member: Cleo"):
            ledger.add(Expense.equally("Taxi", "Ada", Money(2400), ["Ada", "Cleo"]))
        self.assertEqual(ledger.expenses, ())

    def test_members_need_names_of_their_own(self) -> None:
        for members in (["Ada", ""], ["Ada", "Ada"]):
            with self.subTest(members=members), self.assertRaises(ValueError):
                Ledger(members)


if __name__ == "__main__":
    unittest.main()
