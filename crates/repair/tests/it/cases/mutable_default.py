# want: def collect(item, into=None):
def collect(item, into=[]):
    into.append(item)
    return into
# --- tests
import unittest
from module import collect


class TestCollect(unittest.TestCase):
    def test_fresh(self):
        self.assertEqual(collect(1), [1])
        self.assertEqual(collect(2), [2])

    def test_given(self):
        self.assertEqual(collect(2, [1]), [1, 2])
