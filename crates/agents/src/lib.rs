//! Roles, prompts, project rules and the pure turn loop.
