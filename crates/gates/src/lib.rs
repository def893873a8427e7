//! Gates: build, tests, lint, format, kept tests, secrets, diff.
