//! Identities, sessions, tokens, single sign-on and policies: who calls, and what they may.
