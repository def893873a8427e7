# want: if not path:
# want: if len(path) == 0:
# want: if path == "":
def join(path, name):
    if path:
        return name
    return path + "/" + name
# --- tests
import unittest
from module import join


class TestJoin(unittest.TestCase):
    def test_plain(self):
        self.assertEqual(join("", "a"), "a")

    def test_below(self):
        self.assertEqual(join("a", "b"), "a/b")
