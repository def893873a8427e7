# want: return [[row[i] for row in rows] for i in range(len(rows[0]))]
def transpose(rows):
    if not rows:
        return []
    return [[row[i] for row in rows] for i in range(len(rows))]
# --- tests
import unittest
from module import transpose


class TestTranspose(unittest.TestCase):
    def test_wide(self):
        self.assertEqual(transpose([[1, 2, 3], [4, 5, 6]]), [[1, 4], [2, 5], [3, 6]])

    def test_tall(self):
        self.assertEqual(transpose([[1], [2]]), [[1, 2]])

    def test_empty(self):
        self.assertEqual(transpose([]), [])
