//! The tools a model sees: schemas, limits, effect classes.
