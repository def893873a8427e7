//! Identities, sessions, tokens, single sign-on and policies: who calls, and what they may.
//!
//! Values in, values out: rows, time and randomness are the caller's, and so is the network (`oidc` and `jwt` are
//! handed a function that asks it).

pub mod action;
pub mod caller;
pub mod canonical;
pub mod lockout;
pub mod password;
pub mod policy;
pub mod role;
pub mod token;
pub mod totp;

pub use action::Action;
pub use caller::{Caller, Principal};
pub use role::Role;
