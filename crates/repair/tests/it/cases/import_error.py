# want: from collections import Counter
from collections import Countr


def most_common(words):
    return Counter(words).most_common(1)[0][0]
# --- tests
import unittest
from module import most_common


class TestMost(unittest.TestCase):
    def test_most(self):
        self.assertEqual(most_common(["a", "b", "a"]), "a")
