# want: raise ValueError
class Account:
    def __init__(self, balance):
        self.balance = balance

    def withdraw(self, amount):
        self.balance -= amount
        return self.balance
# --- tests
import unittest
from module import Account


class TestAccount(unittest.TestCase):
    def test_withdraw(self):
        self.assertEqual(Account(10).withdraw(4), 6)

    def test_all(self):
        self.assertEqual(Account(10).withdraw(10), 0)

    def test_too_much(self):
        account = Account(10)
        with self.assertRaises(ValueError):
            account.withdraw(11)
        self.assertEqual(account.balance, 10)
