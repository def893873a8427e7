# want: data = await fetch(name)
# want: return len(await fetch(name))
import asyncio


async def fetch(name):
    await asyncio.sleep(0)
    return name * 2


async def size(name):
    data = fetch(name)
    return len(data)
# --- tests
import asyncio
import unittest
from module import size


class TestSize(unittest.TestCase):
    def test_size(self):
        self.assertEqual(asyncio.run(size("ab")), 4)
