# want: return text.strip().lower().replace(" ", "-")
def slug(text):
    return text.strip().upper().replace(" ", "-")
# --- tests
import unittest
from module import slug


class TestSlug(unittest.TestCase):
    def test_words(self):
        self.assertEqual(slug(" Hello World "), "hello-world")

    def test_empty(self):
        self.assertEqual(slug(""), "")
