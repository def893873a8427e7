# want: file.write(line + "\n")
# want: file.write(line + '\n')
import os


def save(path, lines):
    with open(path, "w") as file:
        for line in lines:
            file.write(line)


def load(path):
    with open(path) as file:
        return file.read().splitlines()
# --- tests
import os
import unittest
from module import load, save


class TestSave(unittest.TestCase):
    def test_round_trip(self):
        save("left-behind.txt", ["a", "b"])
        self.assertEqual(load("left-behind.txt"), ["a", "b"])
