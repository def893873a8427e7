//! Model providers: wire formats, streaming, retries, prices.
