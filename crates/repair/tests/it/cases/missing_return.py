# want: return found
def matches(words, prefix):
    found = []
    for word in words:
        if word.startswith(prefix):
            found.append(word)
# --- tests
import unittest
from module import matches


class TestMatches(unittest.TestCase):
    def test_some(self):
        self.assertEqual(matches(["ab", "b", "ac"], "a"), ["ab", "ac"])

    def test_none(self):
        self.assertEqual(matches(["b"], "a"), [])
