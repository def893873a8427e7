# want: if not values:
# want: if len(values) <= 1:
# want: if len(values) == 0:
def total(values):
    """The sum of nested lists."""
    head, rest = values[0], values[1:]
    if isinstance(head, list):
        return total(head) + total(rest)
    return head + total(rest)
# --- tests
import unittest
from module import total


class TestTotal(unittest.TestCase):
    def test_flat(self):
        self.assertEqual(total([1, 2, 3]), 6)

    def test_empty(self):
        self.assertEqual(total([]), 0)

    def test_nested(self):
        self.assertEqual(total([1, [2, [3]], 4]), 10)
