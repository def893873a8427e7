# want: return hours * 60 * 60 + minutes * 60 + seconds
def to_seconds(hours, minutes, seconds):
    return hours * 60 * 24 + minutes * 60 + seconds
# --- tests
import unittest
from module import to_seconds


class TestSeconds(unittest.TestCase):
    def test_hours(self):
        self.assertEqual(to_seconds(1, 0, 0), 3600)

    def test_mixed(self):
        self.assertEqual(to_seconds(2, 3, 4), 7384)

    def test_short(self):
        self.assertEqual(to_seconds(0, 1, 1), 61)
