# want: except KeyError:
def lookup(table, name, default=None):
    try:
        return table[name]
    except IndexError:
        return default
# --- tests
import unittest
from module import lookup


class TestLookup(unittest.TestCase):
    def test_there(self):
        self.assertEqual(lookup({"a": 1}, "a"), 1)

    def test_missing(self):
        self.assertEqual(lookup({}, "a", 7), 7)
