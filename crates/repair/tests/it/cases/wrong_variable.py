# want: for key, value in extra.items():
def merge(base, extra):
    merged = dict(base)
    for key, value in base.items():
        if key in merged and isinstance(merged[key], dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged
# --- tests
import unittest
from module import merge


class TestMerge(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(merge({"a": 1}, {"b": 2}), {"a": 1, "b": 2})

    def test_latter_wins(self):
        self.assertEqual(merge({"a": 1, "b": 1}, {"a": 2}), {"a": 2, "b": 1})

    def test_deep(self):
        self.assertEqual(merge({"a": {"x": 1}}, {"a": {"y": 2}}), {"a": {"x": 1, "y": 2}})

    def test_empty(self):
        self.assertEqual(merge({"a": 1}, {}), {"a": 1})
