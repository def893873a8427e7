# want: best = values[0]
def largest(values):
    best = 0
    for value in values:
        if value > best:
            best = value
    return best
# --- tests
import unittest
from module import largest


class TestLargest(unittest.TestCase):
    def test_positive(self):
        self.assertEqual(largest([1, 5, 2]), 5)

    def test_negative(self):
        self.assertEqual(largest([-4, -2, -9]), -2)

    def test_one(self):
        self.assertEqual(largest([-1]), -1)
