// The change that every pull request of the mock has.
export const DIFF = `diff --git a/src/billing/invoice.py b/src/billing/invoice.py
index 5f2a1c3..8b7d0e9 100644
--- a/src/billing/invoice.py
+++ b/src/billing/invoice.py
@@ -1,14 +1,18 @@
 """Invoices: lines, taxes and totals."""
 
 from dataclasses import dataclass, field
-from typing import List
+from decimal import ROUND_HALF_UP, Decimal
 
 from .tax import rate_for
 
+CENT = Decimal("0.01")
+
 
 @dataclass
 class Line:
     """One position of an invoice."""
 
     title: str
-    amount: float
-    quantity: int = 1
+    amount: Decimal
+    quantity: int = 1
+    # Net of discounts: they are positions of their own.
+    discount: Decimal = Decimal(0)
@@ -31,18 +35,21 @@ class Invoice:
     customer: str
     lines: list[Line] = field(default_factory=list)
 
-    def total(self) -> float:
+    def total(self) -> Decimal:
         """What the customer pays."""
-        net = sum(line.amount * line.quantity for line in self.lines)
-        return round(net * (1 + rate_for(self.customer)), 2)
+        net = sum((line.amount - line.discount) * line.quantity for line in self.lines)
+        gross = net * (1 + rate_for(self.customer))
+        return gross.quantize(CENT, rounding=ROUND_HALF_UP)
 
     def is_paid(self, payments) -> bool:
         """Whether nothing is open."""
-        return sum(p.amount for p in payments) >= self.total()
+        paid = sum((p.amount for p in payments), Decimal(0))
+        return paid >= self.total()
 
     def reminder(self, today) -> str:
         days = (today - self.due).days
         if days <= 0:
             return ""
-        return f"Invoice {self.number} is {days} days late: {self.total():.2f} EUR"
+        return f"Invoice {self.number} is {days} days late: {self.total()} EUR"
diff --git a/src/billing/export.py b/src/billing/export.py
index 91b2c11..ab0193f 100644
--- a/src/billing/export.py
+++ b/src/billing/export.py
@@ -8,7 +8,7 @@ def rows(invoices):
     for invoice in invoices:
         yield {
             "number": invoice.number,
-            "total": invoice.total(),
+            "total": f"{invoice.total():.2f}",
             "customer": invoice.customer,
         }
 
diff --git a/tests/test_rounding.py b/tests/test_rounding.py
new file mode 100644
index 0000000..3c1f4b2
--- /dev/null
+++ b/tests/test_rounding.py
@@ -0,0 +1,24 @@
+from decimal import Decimal
+
+import pytest
+
+from billing.invoice import Invoice, Line
+
+
+@pytest.mark.parametrize(
+    ("amount", "want"),
+    [
+        ("0.125", "0.13"),
+        ("0.135", "0.14"),
+        ("-0.125", "-0.13"),
+        ("2.675", "2.68"),
+    ],
+)
+def test_halves_go_up(amount, want):
+    invoice = Invoice("2026-1", "net", [Line("x", Decimal(amount))])
+    assert invoice.total() == Decimal(want)
+
+
+def test_nothing_costs_nothing():
+    invoice = Invoice("2026-2", "net", [])
+    assert invoice.total() == Decimal("0.00")
diff --git a/docs/rounding.png b/docs/rounding.png
deleted file mode 100644
index 77aa..0000000
Binary files a/docs/rounding.png and /dev/null differ
diff --git a/notes/money.md b/docs/money.md
similarity index 96%
rename from notes/money.md
rename to docs/money.md
index 1..2 100644
--- a/notes/money.md
+++ b/docs/money.md
@@ -1,3 +1,3 @@
 # Money
 
-Totals are floats.
+Totals are decimals, rounded once, half up, at the end.
`;
