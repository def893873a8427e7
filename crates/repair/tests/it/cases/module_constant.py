# want: VOWELS = "aeiou"
# want: LIMIT = 3
LIMIT = 4


def shorten(words):
    """At most LIMIT words, then dots."""
    if len(words) <= LIMIT:
        return " ".join(words)
    return " ".join(words[:LIMIT]) + " …"
# --- tests
import unittest
from module import shorten


class TestShorten(unittest.TestCase):
    def test_short(self):
        self.assertEqual(shorten(["a", "b", "c"]), "a b c")

    def test_long(self):
        self.assertEqual(shorten(["a", "b", "c", "d"]), "a b c …")
