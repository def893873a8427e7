"""Amounts: reading, writing, arithmetic, splitting."""

import unittest

from ledger import ZERO, Money


class Text(unittest.TestCase):
    def test_amounts_are_read_to_the_cent(self) -> None:
        cases = {"12": 1200, "12.5": 1250, "12.05": 1205, " 0.99 ": 99, "-3.40": -340, "0": 0}
        self.assertEqual({text: Money.parse(text).cents for text in cases}, cases)

    def test_anything_else_is_refused(self) -> None:
        for text in ["", "twelve", "1.234", ".50", "1.", "1,50", "--1", "1 2"]:
            with self.subTest(text=text), self.assertRaises(ValueError):
                Money.parse(text)

    def test_amounts_are_written_with_two_decimals(self) -> None:
        cases = {1200: "12.00", 1205: "12.05", 7: "0.07", -340: "-3.40", -5: "-0.05", 0: "0.00"}
        self.assertEqual({cents: str(Money(cents)) for cents in cases}, cases)


class Arithmetic(unittest.TestCase):
    def test_amounts_add_and_subtract(self) -> None:
        self.assertEqual(Money(250) + Money(75), Money(325))
        self.assertEqual(Money(250) - Money(300), -Money(50))

    def test_amounts_compare_by_size(self) -> None:
        self.assertEqual(sorted([Money(5), ZERO, Money(-7)]), [Money(-7), ZERO, Money(5)])


class Split(unittest.TestCase):
    def test_an_even_split_gives_equal_shares(self) -> None:
        self.assertEqual(Money(900).split(3), [Money(300)] * 3)

    def test_one_part_is_the_whole(self) -> None:
        self.assertEqual(Money(1001).split(1), [Money(1001)])

    def test_leftover_cents_go_to_the_first_shares(self) -> None:
        self.assertEqual(Money(1000).split(3), [Money(334), Money(333), Money(333)])
        self.assertEqual(Money(1003).split(4), [Money(251), Money(251), Money(251), Money(250)])

    def test_no_split_loses_a_cent(self) -> None:
        for cents in range(-30, 31):
            for parts in range(1, 8):
                shares = Money(cents).split(parts)
                self.assertEqual(len(shares), parts)
                self.assertEqual(sum(shares, ZERO), Money(cents), f"{cents} cents in {parts} parts")
                self.assertLessEqual(shares[0] - shares[-1], Money(1))

    def test_a_split_needs_a_part(self) -> None:
        with self.assertRaises(ValueError):
            Money(100).split(0)


if __name__ == "__main__":
    unittest.main()
