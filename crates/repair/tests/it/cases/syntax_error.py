# want: def double(value):
def double(value)
    return value * 2
# --- tests
import unittest
from module import double


class TestDouble(unittest.TestCase):
    def test_double(self):
        self.assertEqual(double(4), 8)
