# want: return sorted(people, key=lambda p: (p["age"], p["name"]))
# want: return sorted(people, key=lambda p: (p["age"], p["name"]))
def ranked(people):
    return sorted(people, key=lambda p: (p["name"], p["age"]))
# --- tests
import unittest
from module import ranked


class TestRanked(unittest.TestCase):
    def test_by_age(self):
        people = [{"name": "b", "age": 3}, {"name": "a", "age": 9}, {"name": "c", "age": 1}]
        self.assertEqual([p["name"] for p in ranked(people)], ["c", "b", "a"])

    def test_by_name(self):
        people = [{"name": "b", "age": 3}, {"name": "a", "age": 3}]
        self.assertEqual([p["name"] for p in ranked(people)], ["a", "b"])
