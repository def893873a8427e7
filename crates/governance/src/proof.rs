//! Proofs over the tree (RFC 9162, sections 2.1.3 and 2.1.4): that an entry is in it, and that a tree is the beginning
//! of another.
//!
//! A proof is a list of roots of ranges of leaves. Which ranges is arithmetic; their roots come from one pass over the
//! leaves, so that no tree is held in memory.

use std::ops::Range;

use crate::hash::Hash;
use crate::merkle::{Frontier, empty_root, leaf_hash, node_hash};

/// The ranges whose roots prove that leaf `index` (from 0) is in the tree of `size` leaves, in the order of the proof
/// (`PATH`); `None` if it can't be.
#[must_use]
pub fn inclusion_ranges(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    let mut tree = 0..size;
    if !tree.contains(&index) {
        return None;
    }
    let mut ranges = Vec::new();
    while tree.end - tree.start > 1 {
        let middle = tree.start + left_size(tree.end - tree.start);
        let (left, right) = (tree.start..middle, middle..tree.end);
        let (inside, beside) = if index < middle { (left, right) } else { (right, left) };
        ranges.push(beside);
        tree = inside;
    }
    ranges.reverse();
    Some(ranges)
}

/// The ranges whose roots prove that the tree of the first `first` leaves is the beginning of that of `second`
/// (`PROOF`); `None` if it can't be. No ranges if one of them is empty or both are the same.
#[must_use]
pub fn consistency_ranges(first: u64, second: u64) -> Option<Vec<Range<u64>>> {
    if first > second {
        return None;
    }
    let mut ranges = Vec::new();
    if first == 0 {
        return Some(ranges);
    }
    let mut tree = 0..second;
    while tree.end > first {
        let middle = tree.start + left_size(tree.end - tree.start);
        let (left, right) = (tree.start..middle, middle..tree.end);
        let (inside, beside) = if first <= middle { (left, right) } else { (right, left) };
        ranges.push(beside);
        tree = inside;
    }
    // The whole first tree is what the verifier has already.
    if tree.start > 0 {
        ranges.push(tree);
    }
    ranges.reverse();
    Some(ranges)
}

/// The roots of `ranges`, from one pass over the hashes of the log's entries; `None` if there are too few of those.
#[must_use]
pub fn prove(ranges: &[Range<u64>], entries: impl IntoIterator<Item = Hash>) -> Option<Vec<Hash>> {
    let mut roots = vec![Frontier::default(); ranges.len()];
    let end = ranges.iter().map(|range| range.end).max().unwrap_or(0);
    for (index, entry) in (0..end).zip(entries) {
        if let Some(at) = ranges.iter().position(|range| range.contains(&index)) {
            roots[at].push(leaf_hash(&entry.0));
        }
    }
    let whole = ranges.iter().zip(&roots).all(|(range, root)| range.end - range.start == root.size());
    whole.then(|| roots.iter().map(Frontier::root).collect())
}

/// Whether `proof` shows that the entry with this hash is leaf `index` (from 0) of the tree of `size` leaves with this
/// root (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn verify_inclusion(index: u64, size: u64, entry: Hash, proof: &[Hash], root: Hash) -> bool {
    included(index, size, leaf_hash(&entry.0), proof, root)
}

fn included(index: u64, size: u64, leaf: Hash, proof: &[Hash], root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last) = (index, size - 1);
    let mut node = leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            node = node_hash(*sibling, node);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            node = node_hash(node, *sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && node == root
}

/// Whether `proof` shows that the tree of `first` leaves with `first_root` is the beginning of the tree of `second`
/// leaves with `second_root` (RFC 9162, section 2.1.4.2). The empty tree is the beginning of any.
#[must_use]
pub fn verify_consistency(
    first: u64,
    second: u64,
    proof: &[Hash],
    first_root: Hash,
    second_root: Hash,
) -> bool {
    if first == 0 || first == second {
        let known = if first == 0 { empty_root() } else { second_root };
        return first <= second && proof.is_empty() && first_root == known
            // Two empty trees have one root.
            && (second > 0 || second_root == known);
    }
    if first > second {
        return false;
    }
    let whole = first.is_power_of_two().then_some(first_root);
    let mut path = whole.into_iter().chain(proof.iter().copied());
    let Some(start) = path.next() else { return false };
    let shift = (first - 1).trailing_ones();
    let (mut at, mut last) = ((first - 1) >> shift, (second - 1) >> shift);
    let (mut old, mut new) = (start, start);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node_hash(sibling, old);
            new = node_hash(sibling, new);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node_hash(new, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old == first_root && new == second_root
}

/// How many of `size` leaves (two or more) are in the left subtree: the largest power of two below `size`.
fn left_size(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::tests::{DATA, ROOTS, leaves, naive_root};

    fn roots_of(ranges: &[Range<u64>], leaves: &[Hash]) -> Vec<Hash> {
        let part = |r: &Range<u64>| naive_root(&leaves[r.start as usize..r.end as usize]);
        ranges.iter().map(part).collect()
    }

    /// PATH and SUBPROOF of RFC 6962, word for word.
    fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, beside) = if index < left.len() {
            (naive_path(index, left), right)
        } else {
            (naive_path(index - left.len(), right), left)
        };
        path.push(naive_root(beside));
        path
    }

    fn naive_subproof(first: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if first == leaves.len() {
            return if whole { Vec::new() } else { vec![naive_root(leaves)] };
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut proof, beside) = if first <= left.len() {
            (naive_subproof(first, left, whole), right)
        } else {
            (naive_subproof(first - left.len(), right, false), left)
        };
        proof.push(naive_root(beside));
        proof
    }

    #[test]
    fn every_proof_of_small_trees_is_that_of_the_definition_and_holds() {
        let all = leaves(33);
        for size in 1..=33u64 {
            let tree = &all[..size as usize];
            let root = naive_root(tree);
            for index in 0..size {
                let proof = roots_of(&inclusion_ranges(index, size).expect("inside"), tree);
                assert_eq!(proof, naive_path(index as usize, tree), "{index} of {size}");
                assert!(included(index, size, all[index as usize], &proof, root), "{index} of {size}");
                for other in (0..size + 2).filter(|other| *other != index) {
                    assert!(!included(other, size, all[index as usize], &proof, root), "{index} as {other}");
                }
            }
            for first in 0..=size {
                let old = naive_root(&all[..first as usize]);
                let proof = roots_of(&consistency_ranges(first, size).expect("not more"), tree);
                if first > 0 {
                    assert_eq!(proof, naive_subproof(first as usize, tree, true), "{first} of {size}");
                }
                assert!(verify_consistency(first, size, &proof, old, root), "{first} of {size}");
                let swapped = first != size && verify_consistency(first, size, &proof, root, old);
                assert!(!swapped, "{first} of {size}");
            }
        }
        assert_eq!(
            (inclusion_ranges(3, 3), inclusion_ranges(0, 0), consistency_ranges(3, 2)),
            (None, None, None)
        );
    }

    /// From the tests of Certificate Transparency: leaf 2 of 3, and 2 leaves before 5.
    #[test]
    fn proofs_are_those_of_certificate_transparency() {
        let hash = |text: &str| text.parse::<Hash>().expect("a hash");
        let all = DATA.map(leaf_hash);
        let path = roots_of(&inclusion_ranges(2, 3).expect("inside"), &all);
        assert_eq!(path, [hash("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]);
        assert!(included(2, 3, all[2], &path, hash(ROOTS[3])));
        let proof = roots_of(&consistency_ranges(2, 5).expect("not more"), &all);
        assert_eq!(
            proof,
            [
                hash("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
                hash("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
            ]
        );
        assert!(verify_consistency(2, 5, &proof, hash(ROOTS[2]), hash(ROOTS[5])));
    }

    #[test]
    fn nothing_but_empty_trees_is_consistent_with_no_proof() {
        let (empty, other) = (empty_root(), leaf_hash(b"x"));
        let cases = [
            ((0, 0, empty, empty), true),
            ((0, 0, empty, other), false),
            ((0, 5, empty, other), true),
            ((0, 5, other, other), false),
            ((5, 5, other, other), true),
            ((5, 5, other, empty), false),
            ((4, 5, other, other), false),
            ((6, 5, other, other), false),
            ((u64::MAX, u64::MAX, other, other), true),
        ];
        for ((first, second, old, new), holds) in cases {
            assert_eq!(verify_consistency(first, second, &[], old, new), holds, "{first} {second}");
        }
    }

    proptest! {
        #[test]
        fn proofs_from_one_pass_hold_and_no_changed_one_does(
            size in 1u64..300, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), bit in 0usize..256,
        ) {
            let entries: Vec<Hash> = (0..size).map(|i| leaf_hash(&i.to_le_bytes())).collect();
            let root = |count: u64| {
                let leaves: Vec<Hash> = entries[..count as usize].iter().map(|e| leaf_hash(&e.0)).collect();
                naive_root(&leaves)
            };
            let (index, first) = (a.index(size as usize) as u64, a.index(size as usize) as u64 + 1);
            let path = prove(&inclusion_ranges(index, size).expect("inside"), entries.iter().copied()).expect("enough");
            prop_assert!(verify_inclusion(index, size, entries[index as usize], &path, root(size)));
            let proof = prove(&consistency_ranges(first, size).expect("not more"), entries.iter().copied()).expect("enough");
            prop_assert!(verify_consistency(first, size, &proof, root(first), root(size)));

            let flip = |hashes: &[Hash]| {
                let mut changed = hashes.to_vec();
                changed[b.index(hashes.len())].0[bit / 8] ^= 1 << (bit % 8);
                changed
            };
            if !path.is_empty() {
                prop_assert!(!verify_inclusion(index, size, entries[index as usize], &flip(&path), root(size)));
                prop_assert!(!verify_inclusion(index, size, entries[index as usize], &path[1..], root(size)));
            }
            if !proof.is_empty() {
                prop_assert!(!verify_consistency(first, size, &flip(&proof), root(first), root(size)));
                prop_assert!(!verify_consistency(first, size, &proof[1..], root(first), root(size)));
            }
            let long = [path.clone(), vec![root(size)]].concat();
            prop_assert!(!verify_inclusion(index, size, entries[index as usize], &long, root(size)));
            let too_few = entries[..entries.len() - 1].iter().copied();
            if inclusion_ranges(index, size).expect("inside").iter().any(|r| r.end == size) {
                prop_assert_eq!(prove(&inclusion_ranges(index, size).expect("inside"), too_few), None);
            }
        }

        #[test]
        fn no_proof_makes_the_verifier_panic(
            first in any::<u64>(), second in any::<u64>(), proof in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..70),
        ) {
            let _ = verify_consistency(first, second, &proof, Hash::ZERO, empty_root());
            let _ = verify_inclusion(first, second, Hash::ZERO, &proof, empty_root());
            let _ = (inclusion_ranges(first, second), consistency_ranges(first, second));
        }
    }
}
