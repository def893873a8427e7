# want: return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 and year % 400 == 0)
# --- tests
import unittest
from module import is_leap


class TestLeap(unittest.TestCase):
    def test_leap(self):
        for year in (1996, 2000, 2004):
            self.assertTrue(is_leap(year), year)

    def test_common(self):
        for year in (1900, 1999, 2100, 2001):
            self.assertFalse(is_leap(year), year)
