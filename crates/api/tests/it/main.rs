//! The server on real stores, over real connections.

mod rest_conventions;
mod rest_matrix;
mod rest_world;
