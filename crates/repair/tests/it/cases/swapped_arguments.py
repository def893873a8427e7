# want: return clamp(value, 0, 100)
def clamp(value, low, high):
    if value < low:
        return low
    if value > high:
        return high
    return value


def percent(value):
    return clamp(0, value, 100)
# --- tests
import unittest
from module import clamp, percent


class TestPercent(unittest.TestCase):
    def test_clamp(self):
        self.assertEqual([clamp(v, 1, 3) for v in (0, 2, 9)], [1, 2, 3])

    def test_inside(self):
        self.assertEqual(percent(40), 40)

    def test_below(self):
        self.assertEqual(percent(-3), 0)

    def test_above(self):
        self.assertEqual(percent(250), 100)
