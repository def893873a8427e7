# want: self.count += 1
class Average:
    def __init__(self):
        self.sum = 0
        self.count = 0

    def add(self, value):
        self.sum += value

    def value(self):
        if self.count == 0:
            return None
        return self.sum / self.count
# --- tests
import unittest
from module import Average


class TestAverage(unittest.TestCase):
    def test_none(self):
        self.assertIsNone(Average().value())

    def test_some(self):
        average = Average()
        for value in (2, 4, 9):
            average.add(value)
        self.assertEqual(average.value(), 5)
