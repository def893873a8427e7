//! REST, GraphQL, WebSocket and the dashboard's files over the use cases of `app`.
