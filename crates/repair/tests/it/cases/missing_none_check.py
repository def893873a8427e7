# want: if title is not None:
# want: if title:
# want: if value is None:
# want: if value is not None:
# want: if not value:
def shout(value):
    return value.upper() + "!"


def greet(name, title=None):
    parts = ["hello"]
    parts.append(shout(title))
    parts.append(name)
    return " ".join(parts)
# --- tests
import unittest
from module import greet


class TestGreet(unittest.TestCase):
    def test_title(self):
        self.assertEqual(greet("Ann", "dr"), "hello DR! Ann")

    def test_plain(self):
        self.assertEqual(greet("Ann"), "hello Ann")
