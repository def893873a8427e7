//! Lease, run, gate, deliver: the driver that acts on what the pure functions decide.
