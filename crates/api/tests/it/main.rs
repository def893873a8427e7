//! The server on real stores, over real connections.

mod websocket;
mod websocket_client;
mod websocket_world;
