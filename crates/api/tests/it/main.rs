//! The server on real stores, over real connections.

mod adversity;
mod description;
mod graphql;
mod graphql_audit;
mod graphql_http;
mod graphql_matrix;
mod graphql_socket;
mod people;
mod rest_conventions;
mod rest_matrix;
mod rest_world;
mod websocket;
mod websocket_client;
mod websocket_hub;
mod websocket_matrix;
mod websocket_world;
