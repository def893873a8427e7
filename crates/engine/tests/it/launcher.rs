//! The smallest binary with a launcher, for the tests of this crate: what `aamas sandbox-launcher` is in the product.

fn main() {
    sandbox::run_launcher(tools::BUILTINS);
}
