# want: self.items = [item for item in self.items if item != name]
class Basket:
    def __init__(self):
        self.items = []

    def add(self, name):
        self.items.append(name)

    def remove(self, name):
        items = [item for item in self.items if item != name]
# --- tests
import unittest
from module import Basket


class TestBasket(unittest.TestCase):
    def test_remove(self):
        basket = Basket()
        for name in "aba":
            basket.add(name)
        basket.remove("a")
        self.assertEqual(basket.items, ["b"])
