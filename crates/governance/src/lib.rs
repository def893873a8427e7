//! Audit: a hash chain per tenant, a Merkle tree with signed checkpoints, and a verifier that needs no server.
