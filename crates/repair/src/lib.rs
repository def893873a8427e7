//! The offline engine: localize, edit, search, choose.
