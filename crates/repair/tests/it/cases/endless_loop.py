# want: number //= 10
def digits(number):
    found = []
    while number > 0:
        found.append(number % 10)
        number //= 1
    return found[::-1]
# --- tests
import unittest
from module import digits


class TestDigits(unittest.TestCase):
    def test_some(self):
        self.assertEqual(digits(4711), [4, 7, 1, 1])

    def test_zero(self):
        self.assertEqual(digits(0), [])
