# want: if 0 <= x < self.width and 0 <= y < self.height:
class Grid:
    def __init__(self, width, height):
        self.width = width
        self.height = height
        self.cells = [[0] * width for _ in range(height)]

    def set(self, x, y, value):
        if 0 <= x < self.width and 0 <= y <= self.height:
            self.cells[y][x] = value
            return True
        return False
# --- tests
import unittest
from module import Grid


class TestGrid(unittest.TestCase):
    def test_inside(self):
        grid = Grid(2, 3)
        self.assertTrue(grid.set(1, 2, 5))
        self.assertEqual(grid.cells[2], [0, 5])
        self.assertTrue(grid.set(0, 0, 1))

    def test_outside(self):
        grid = Grid(2, 3)
        for x, y in ((2, 0), (-1, 0), (1, 3), (0, -1)):
            self.assertFalse(grid.set(x, y, 1))
