# want: seen.add(node)
# want: seen.add(following)
def reachable(graph, start):
    seen = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        for following in graph.get(node, []):
            waiting.append(following)
    return seen
# --- tests
import unittest
from module import reachable


class TestReachable(unittest.TestCase):
    def test_chain(self):
        self.assertEqual(reachable({"a": ["b"], "b": ["c"]}, "a"), {"a", "b", "c"})

    def test_circle(self):
        self.assertEqual(reachable({"a": ["b"], "b": ["a"]}, "a"), {"a", "b"})

    def test_alone(self):
        self.assertEqual(reachable({}, "z"), {"z"})
