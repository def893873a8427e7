//! Use cases: authorize, decide, save and append the event in one transaction.
