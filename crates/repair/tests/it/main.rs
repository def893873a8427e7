//! The offline engine against real Python: small modules with one bug each, and what it must not claim to repair.

mod bounds;
mod cases;
