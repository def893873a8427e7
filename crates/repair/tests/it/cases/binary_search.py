# want: low = middle + 1
def find(values, wanted):
    low, high = 0, len(values) - 1
    while low <= high:
        middle = (low + high) // 2
        if values[middle] == wanted:
            return middle
        if values[middle] < wanted:
            low = middle
        else:
            high = middle - 1
    return -1
# --- tests
import unittest
from module import find


class TestFind(unittest.TestCase):
    def test_first(self):
        self.assertEqual(find([1, 3, 5, 7], 1), 0)

    def test_last(self):
        self.assertEqual(find([1, 3, 5, 7], 7), 3)

    def test_missing(self):
        self.assertEqual(find([1, 3, 5], 6), -1)

    def test_empty(self):
        self.assertEqual(find([], 6), -1)
