//! The Merkle tree of RFC 6962, section 2.1, as far as an append needs it: its right-hand edge.

use sha2::{Digest as _, Sha256};

use crate::hash::Hash;

/// The root of no entries: the SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sha256::digest(b"").into())
}

/// The leaf of some data: `SHA-256(0x00 || data)`. The data of a log's leaf are the 32 bytes of an entry's hash.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(data).finalize().into())
}

/// An inner node: `SHA-256(0x01 || left || right)`.
#[must_use]
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The roots of the perfect subtrees that cover a tree from left to right, one for each bit that is set in its size.
/// All that is needed to append, and to know the root: at most 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// The largest subtree first.
    nodes: Vec<Hash>,
}

impl Frontier {
    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf behind the others.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.nodes.pop() else { break };
            node = node_hash(left, node);
        }
        self.nodes.push(node);
        // No log gets there: at a million a second it takes half a million years.
        self.size = self.size.saturating_add(1);
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev().copied();
        let last = nodes.next();
        last.map_or_else(empty_root, |last| nodes.fold(last, |right, left| node_hash(left, right)))
    }

    /// The subtrees' roots, one behind the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.nodes.iter().flat_map(|node| node.0).collect()
    }

    /// The frontier of a tree of `size` leaves; `None` if there are not as many hashes as that takes.
    #[must_use]
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && hashes.len() == usize::try_from(size.count_ones()).ok()?;
        fits.then(|| Self { size, nodes: hashes.iter().copied().map(Hash).collect() })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// MTH of the RFC, word for word.
    pub(crate) fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(naive_root(left), naive_root(right))
            }
        }
    }

    pub(crate) fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    /// The eight leaves on which the implementations of Certificate Transparency agree, and the roots of the first n.
    pub(crate) const DATA: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    pub(crate) const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_certificate_transparency() {
        let mut frontier = Frontier::default();
        let mut roots = vec![frontier.root().to_string()];
        for data in DATA {
            frontier.push(leaf_hash(data));
            roots.push(frontier.root().to_string());
        }
        assert_eq!(roots, ROOTS);
    }

    proptest! {
        #[test]
        fn the_frontier_gives_the_root_of_the_definition(count in 0usize..400) {
            let leaves = leaves(count);
            let mut frontier = Frontier::default();
            leaves.iter().for_each(|leaf| frontier.push(*leaf));
            prop_assert_eq!(frontier.root(), naive_root(&leaves));
            let again = Frontier::from_bytes(frontier.size(), &frontier.to_bytes());
            prop_assert_eq!(again, Some(frontier));
        }

        #[test]
        fn bytes_that_are_no_frontier_are_refused(size in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..2100)) {
            let read = Frontier::from_bytes(size, &bytes);
            prop_assert_eq!(read.is_some(), bytes.len() == 32 * size.count_ones() as usize);
            if let Some(mut frontier) = read {
                frontier.push(Hash::ZERO);
                let _ = frontier.root();
            }
        }
    }
}
