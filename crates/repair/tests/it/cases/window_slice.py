# want: return [values[i:i + size] for i in range(len(values) - size + 1)]
def windows(values, size):
    return [values[i:i + size] for i in range(len(values) - size)]
# --- tests
import unittest
from module import windows


class TestWindows(unittest.TestCase):
    def test_pairs(self):
        self.assertEqual(windows([1, 2, 3], 2), [[1, 2], [2, 3]])

    def test_whole(self):
        self.assertEqual(windows([1, 2], 2), [[1, 2]])

    def test_too_short(self):
        self.assertEqual(windows([1], 2), [])
