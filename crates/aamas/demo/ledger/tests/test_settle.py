"""Balances, and the transfers that clear them."""

import unittest

from ledger import ZERO, Expense, Ledger, Money, Transfer, balances, statement, transfers


class Balances(unittest.TestCase):
    def test_whoever_paid_gets_back_what_others_owe(self) -> None:
        ledger = Ledger(["Ada", "Ben", "Cleo"])
        ledger.add(Expense.equally("Cabin", "Ada", Money(24000), ledger.members))
        ledger.add(Expense.exactly("Skis", "Ben", {"Cleo": Money(3000)}))
        self.assertEqual(balances(ledger), {"Ada": Money(16000), "Ben": Money(-5000), "Cleo": Money(-11000)})

    def test_balances_add_up_to_zero(self) -> None:
        ledger = Ledger(["Ada", "Ben", "Cleo", "Dan"])
        ledger.add(Expense.equally("Groceries", "Dan", Money(4787), ledger.members))
        ledger.add(Expense.equally("Coffee", "Ben", Money(1100), ["Ada", "Ben", "Cleo"]))
        self.assertEqual(sum(balances(ledger).values(), ZERO), ZERO)


class Transfers(unittest.TestCase):
    def test_debtors_pay_creditors(self) -> None:
        self.assertEqual(
            transfers({"Ada": Money(10500), "Ben": Money(-6500), "Cleo": Money(-4000), "Dan": ZERO}),
            [Transfer("Ben", "Ada", Money(6500)), Transfer("Cleo", "Ada", Money(4000))],
        )

    def test_those_who_clear_each_other_are_paired_first(self) -> None:
        found = transfers({"A": Money(-40), "B": Money(-30), "C": Money(30), "D": Money(20), "E": Money(20)})
        self.assertEqual([str(t) for t in found], ["B pays C 0.30", "A pays D 0.20", "A pays E 0.20"])

    def test_balances_that_do_not_add_up_are_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "come to 0.01"):
            transfers({"Ada": Money(101), "Ben": Money(-100)})


class Statements(unittest.TestCase):
    def test_a_statement_names_every_transfer(self) -> None:
        ledger = Ledger(["Ada", "Ben", "Cleo"])
        ledger.add(Expense.equally("Dinner", "Ada", Money(8000), ledger.members))
        self.assertEqual(statement(ledger), "Ben pays Ada 26.67\nCleo pays Ada 26.66")

    def test_nobody_owes_anything_at_first(self) -> None:
        self.assertEqual(statement(Ledger(["Ada", "Ben"])), "All settled.")


if __name__ == "__main__":
    unittest.main()
