# want: return True
def is_prime(number):
    if number < 2:
        return False
    for divisor in range(2, int(number ** 0.5) + 1):
        if number % divisor == 0:
            return False
        return True
# --- tests
import unittest
from module import is_prime


class TestPrime(unittest.TestCase):
    def test_primes(self):
        for number in (2, 3, 5, 7, 13, 97):
            self.assertIs(is_prime(number), True)

    def test_others(self):
        for number in (0, 1, 4, 9, 15, 49, 91):
            self.assertIs(is_prime(number), False)
