//! Identities, sessions, tokens, single sign-on and policies: who calls, and what they may.
//!
//! Values in, values out: rows, time and randomness are the caller's, and so is the network (`oidc` and `jwt` are
//! handed a function that asks it).

//!
//! | module | what |
//! |---|---|
//! | [`caller`] | who calls: organization, person or machine, role |
//! | [`role`], [`action`] | what somebody is, and what can be asked for |
//! | [`policy`] | what a caller may do: Cedar, receipts, explanations |
//! | [`password`], [`totp`] | what a person knows and has |
//! | [`token`] | opaque secrets: API tokens, sessions, links, invitations, tickets |
//! | [`lockout`] | how fast sign-ins may fail |
//! | [`oidc`] | single sign-on at OpenID Connect providers |
//! | [`jwt`] | bearer tokens of configured issuers |
//! | [`mapping`] | from groups of a provider to a role |
//! | [`fetch`] | the network as `oidc` and `jwt` are handed it |
//! | [`canonical`] | one text for one JSON value, to be hashed |

pub mod action;
pub mod caller;
pub mod canonical;
pub mod fetch;
pub mod jwt;
pub mod lockout;
pub mod mapping;
pub mod oidc;
pub mod password;
pub mod policy;
pub mod role;
pub mod token;
pub mod totp;

pub use action::Action;
pub use caller::{Caller, Principal};
pub use role::Role;
