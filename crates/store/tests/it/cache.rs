//! The cache.

use store::Cached;

use super::fixture::{Fixture, at};

#[test]
fn the_newest_values_are_kept() {
    let f = Fixture::new();
    for (key, second) in [("a", 1), ("b", 2), ("c", 3), ("a", 4)] {
        f.write(move |tx| tx.cache_put(key, format!("{key}{second}").as_bytes(), at(second)))
            .expect("a value");
    }
    let get = |key| {
        f.read(|tx| tx.cache_get(key))
            .expect("a look")
            .map(|Cached { value, created_at }| (value, created_at))
    };
    assert_eq!(get("a"), Some((b"a4".to_vec(), at(4))));
    assert_eq!(f.write(|tx| tx.cache_trim(2)).expect("a trim"), 1);
    assert_eq!((get("b"), get("c")), (None, Some((b"c3".to_vec(), at(3)))));
    f.write(|tx| tx.cache_remove("c")).expect("a removal");
    assert_eq!(get("c"), None);
}
