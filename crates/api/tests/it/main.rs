//! The server on real stores, over real connections.

mod rest_conventions;
mod rest_matrix;
mod rest_world;
mod people;
mod websocket;
mod websocket_client;
mod websocket_world;
