//! Checkpoints: signed notes that say how large a tenant's log was, and what its root was.
//!
//! The form is that of the C2SP specifications signed-note and tlog-checkpoint, so that their tools can check the
//! signature. The text is read strictly: what is read is exactly what would be written.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use domain::{TenantId, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::hash::Hash;
use crate::head::Head;
use crate::key::PublicKey;

/// What the origin of every log of ours begins with; the tenant follows.
const ORIGIN: &str = "aamas/audit/";

/// The longest text of a checkpoint that is read, in bytes.
pub const MAX_NOTE_BYTES: usize = 16 << 10;

/// Most signatures of one checkpoint: ours and those of witnesses.
const MAX_SIGNATURES: usize = 16;

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub tenant: TenantId,
    /// How many entries it had.
    pub size: u64,
    /// The root of the Merkle tree over them.
    pub root: Hash,
    /// When it was signed, by the clock of who signed.
    pub at: Timestamp,
    /// The checkpoint before, so that none can be left out between two others.
    pub previous: Option<Previous>,
}

/// The checkpoint before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its size.
    pub size: u64,
    /// The SHA-256 of its body.
    pub hash: Hash,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key: the origin, or a witness.
    pub name: String,
    /// The first bytes of the key's digest ([`PublicKey::note_id`]).
    pub key_id: [u8; 4],
    /// The signature.
    pub bytes: Vec<u8>,
}

/// A checkpoint with its signatures, as it was read or made. Whether to believe it, [`SignedCheckpoint::verify`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    signatures: Vec<NoteSignature>,
}

/// A checkpoint as it is stored. Its columns may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// How many entries the log had.
    pub size: i64,
    /// The whole text.
    pub note: String,
}

/// Why a checkpoint is not believed, or can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The text is not one.
    #[error("this is not a checkpoint: {0}")]
    Malformed(&'static str),
    /// None of its signatures is by a trusted key.
    #[error("no trusted key signed this checkpoint")]
    UnknownKey,
    /// A trusted key's signature does not fit.
    #[error("the signature of a trusted key does not fit: the checkpoint or its signature was changed")]
    BadSignature,
    /// The signer did not sign, or signed something else.
    #[error("the checkpoint of {size} entries could not be signed")]
    NotSigned {
        /// The size.
        size: u64,
    },
    /// The time has no text in RFC 3339.
    #[error("the time of a checkpoint lies outside the calendar")]
    Time,
    /// The checkpoint before belongs to another log, or is not smaller.
    #[error("the checkpoint before is of another tenant, or not smaller")]
    Previous,
}

/// Signs where a log stands. `sign` gives the Ed25519 signature of `key` over the bytes that it is shown; it is checked
/// before anything comes out. `previous` is the newest checkpoint that there is.
///
/// # Errors
/// [`NoteError::NotSigned`], [`NoteError::Time`], [`NoteError::Previous`].
pub fn sign_checkpoint(
    head: &Head,
    at: Timestamp,
    previous: Option<&SignedCheckpoint>,
    key: PublicKey,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<SignedCheckpoint, NoteError> {
    let fits = |p: &SignedCheckpoint| p.checkpoint.tenant == head.tenant() && p.checkpoint.size < head.size();
    if !previous.is_none_or(fits) {
        return Err(NoteError::Previous);
    }
    let previous = previous.map(|p| Previous { size: p.checkpoint.size, hash: p.checkpoint.body_hash() });
    let checkpoint = Checkpoint { tenant: head.tenant(), size: head.size(), root: head.root(), at, previous };
    if !at.to_string().ends_with('Z') {
        return Err(NoteError::Time);
    }
    let (name, body) = (checkpoint.origin(), checkpoint.body());
    let bytes = sign(body.as_bytes())
        .filter(|bytes| key.verify(body.as_bytes(), bytes))
        .ok_or(NoteError::NotSigned { size: checkpoint.size })?;
    let signature = NoteSignature { key_id: key.note_id(&name), name, bytes };
    Ok(SignedCheckpoint { checkpoint, signatures: vec![signature] })
}

impl Checkpoint {
    /// Which log: the first line, and the name of the key that signs.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{ORIGIN}{}", self.tenant)
    }

    /// What is signed.
    #[must_use]
    pub fn body(&self) -> String {
        let previous = self.previous.map_or_else(
            || "none".to_owned(),
            |previous| format!("{} {}", previous.size, BASE64.encode(previous.hash.0)),
        );
        format!(
            "{}\n{}\n{}\ntime {}\nprevious {previous}\n",
            self.origin(),
            self.size,
            BASE64.encode(self.root.0),
            self.at
        )
    }

    /// The SHA-256 of [`Checkpoint::body`].
    #[must_use]
    pub fn body_hash(&self) -> Hash {
        Hash(Sha256::digest(self.body()).into())
    }

    fn parse(body: &str) -> Option<Self> {
        let mut lines = body.strip_suffix('\n')?.split('\n');
        let tenant = lines.next()?.strip_prefix(ORIGIN)?.parse().ok()?;
        let size = lines.next()?.parse().ok()?;
        let root = hash_of(lines.next()?)?;
        let at = time_of(lines.next()?.strip_prefix("time ")?)?;
        let previous = match lines.next()?.strip_prefix("previous ")?.split_once(' ') {
            None => None,
            Some((size, hash)) => Some(Previous { size: size.parse().ok()?, hash: hash_of(hash)? }),
        };
        let checkpoint = Self { tenant, size, root, at, previous };
        // Leading zeros, other spellings of a time, further lines, another word than `none`.
        (checkpoint.body() == body).then_some(checkpoint)
    }
}

impl SignedCheckpoint {
    /// Reads the text of a checkpoint.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        if text.len() > MAX_NOTE_BYTES {
            return Err(NoteError::Malformed("it is longer than 16 KiB"));
        }
        let (body, signatures) =
            text.split_once("\n\n").ok_or(NoteError::Malformed("it has no empty line before signatures"))?;
        let body = format!("{body}\n");
        let checkpoint = Checkpoint::parse(&body)
            .ok_or(NoteError::Malformed("its lines are not origin, size, root, time and previous"))?;
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Malformed("its last line has no end"))?;
        let signatures: Option<Vec<_>> = lines.split('\n').map(NoteSignature::parse).collect();
        let signatures = signatures.ok_or(NoteError::Malformed("a signature line is not one"))?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed("it has more than 16 signatures"));
        }
        Ok(Self { checkpoint, signatures })
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.checkpoint.body() + "\n";
        for signature in &self.signatures {
            text.push_str(&signature.line());
        }
        text
    }

    /// What it says, if a trusted key signed it. Signatures of other keys are not looked at.
    ///
    /// # Errors
    /// [`NoteError::UnknownKey`], [`NoteError::BadSignature`].
    pub fn verify(&self, trusted: &[PublicKey]) -> Result<&Checkpoint, NoteError> {
        let (name, body) = (self.checkpoint.origin(), self.checkpoint.body());
        let mut refused = NoteError::UnknownKey;
        for signature in self.signatures.iter().filter(|signature| signature.name == name) {
            for key in trusted.iter().filter(|key| key.note_id(&name) == signature.key_id) {
                if key.verify(body.as_bytes(), &signature.bytes) {
                    return Ok(&self.checkpoint);
                }
                refused = NoteError::BadSignature;
            }
        }
        Err(refused)
    }

    /// What it says, whether it is to be believed or not.
    #[must_use]
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Who signed.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The row to store.
    #[must_use]
    pub fn to_row(&self) -> CheckpointRow {
        let size = i64::try_from(self.checkpoint.size).unwrap_or(i64::MAX);
        CheckpointRow { size, note: self.text() }
    }
}

impl NoteSignature {
    fn line(&self) -> String {
        let bytes = [self.key_id.as_slice(), &self.bytes].concat();
        format!("\u{2014} {} {}\n", self.name, BASE64.encode(bytes))
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, bytes) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
            return None;
        }
        let bytes = BASE64.decode(bytes).ok()?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        (!signature.is_empty()).then(|| Self {
            name: name.to_owned(),
            key_id: *key_id,
            bytes: signature.to_vec(),
        })
    }
}

fn hash_of(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok().and_then(|bytes| Hash::from_slice(&bytes))
}

fn time_of(text: &str) -> Option<Timestamp> {
    serde_json::from_value(text.into()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::SigningKey;

    fn key() -> SigningKey {
        SigningKey::from_seed(&[3; 32]).expect("a seed")
    }

    fn signed(previous: Option<&SignedCheckpoint>, entries: u8) -> SignedCheckpoint {
        let head = (0..entries).fold(Head::empty(TenantId::LOCAL), |head, i| head.after(Hash([i; 32])));
        let at = Timestamp::from_micros(1_763_875_131_000_042);
        sign_checkpoint(&head, at, previous, key().public(), |bytes| Some(key().sign(bytes)))
            .expect("our own key")
    }

    #[test]
    fn the_text_is_a_signed_note() {
        let first = signed(None, 0);
        let second = signed(Some(&first), 2);
        let text = second.text();
        let lines: Vec<&str> = text.lines().collect();
        let origin = "aamas/audit/tenant_00000000000000000000000000";
        assert_eq!(
            lines[..6],
            [
                origin,
                "2",
                &BASE64.encode(second.unverified().root.0),
                "time 2025-11-23T05:18:51.000042Z",
                &format!("previous 0 {}", BASE64.encode(first.unverified().body_hash().0)),
                "",
            ]
        );
        assert!(lines[6].starts_with(&format!("\u{2014} {origin} ")) && lines.len() == 7, "{text}");
        assert!(first.text().contains("\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"));
        assert!(first.text().contains("\nprevious none\n\n"));
        for checkpoint in [first, second] {
            let read = SignedCheckpoint::parse(&checkpoint.text()).expect("our own text");
            assert_eq!(read, checkpoint);
            assert_eq!(read.verify(&[key().public()]), Ok(checkpoint.unverified()));
        }
    }

    #[test]
    fn only_a_trusted_keys_signature_counts() {
        let note = signed(None, 3);
        let (ours, other) = (key().public(), SigningKey::from_seed(&[4; 32]).expect("a seed").public());
        assert_eq!(note.verify(&[]), Err(NoteError::UnknownKey));
        assert_eq!(note.verify(&[other]), Err(NoteError::UnknownKey));
        assert!(note.verify(&[other, ours]).is_ok());
        let mut forged = note.clone();
        forged.checkpoint.size = 4;
        assert_eq!(forged.verify(&[ours]), Err(NoteError::BadSignature));
        let mut witnessed = note.clone();
        let witness = NoteSignature { name: "witness.example".into(), key_id: [1; 4], bytes: vec![9; 64] };
        witnessed.signatures.insert(0, witness);
        let read = SignedCheckpoint::parse(&witnessed.text()).expect("a note with two signatures");
        assert_eq!(read.verify(&[ours]), Ok(note.unverified()));
        let mut renamed = note;
        renamed.signatures[0].name = "other".into();
        assert_eq!(renamed.verify(&[ours]), Err(NoteError::UnknownKey));
    }

    #[test]
    fn a_signer_that_signs_something_else_makes_no_checkpoint() {
        let (head, at) = (Head::empty(TenantId::LOCAL), Timestamp::from_micros(0));
        let refused = Err(NoteError::NotSigned { size: 0 });
        for signature in [None, Some(key().sign(b"x")), Some(Vec::new())] {
            let sign = |_: &[u8]| signature.clone();
            assert_eq!(sign_checkpoint(&head, at, None, key().public(), sign), refused);
        }
        let sign = |bytes: &[u8]| Some(key().sign(bytes));
        let late = Timestamp::from_micros(i64::MAX);
        assert_eq!(sign_checkpoint(&head, late, None, key().public(), sign), Err(NoteError::Time));
        let before = signed(None, 0);
        let again = sign_checkpoint(&head, at, Some(&before), key().public(), sign);
        assert_eq!(again, Err(NoteError::Previous));
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = signed(Some(&signed(None, 1)), 2).text();
        assert!(SignedCheckpoint::parse(&text).is_ok());
        for (from, to) in [
            ("\n2\n", "\n02\n"),
            ("\n2\n", "\n+2\n"),
            ("\n2\n", "\n2 \n"),
            ("\n2\n", "\r\n2\n"),
            ("\n2\n", "\n99999999999999999999\n"),
            ("000042Z", "000042+00:00"),
            ("000042Z", "0000420Z"),
            ("T05", "t05"),
            ("previous 1", "previous 01"),
            ("previous 1 ", "previous none "),
            ("time ", "time  "),
            ("\n\n", "\nmore\n\n"),
            ("\n\n", "\n"),
            ("\n\n", "\n\n\n"),
            ("\u{2014} ", "- "),
            ("aamas/audit/", "aamas/"),
            ("=\n", "\n"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text);
            let read = SignedCheckpoint::parse(&other);
            assert!(matches!(read, Err(NoteError::Malformed(_))), "{from:?} {to:?}: {read:?}");
        }
        for text in [text.trim_end(), &format!("{text}\n"), &format!(" {text}"), &text.repeat(2), ""] {
            assert!(SignedCheckpoint::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(text in r"(aamas/audit/tenant_[0-7][0-9a-z]{25}\n)?[0-9 ]{0,3}\n[A-Za-z0-9+/]{43}=\ntime .{0,30}\nprevious (none|[0-9]{1,3} [A-Za-z0-9+/]{43}=)\n\n— [a-z/+ ]{0,4} [A-Za-z0-9+/]{0,8}={0,2}\n") {
            if let Ok(read) = SignedCheckpoint::parse(&text) {
                prop_assert_eq!(read.text(), text);
            }
        }

        #[test]
        fn a_changed_checkpoint_is_never_believed(at in any::<prop::sample::Index>(), bit in 0u32..8) {
            let note = signed(Some(&signed(None, 1)), 5);
            let mut bytes = note.text().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let believed = String::from_utf8(bytes)
                .ok()
                .and_then(|text| SignedCheckpoint::parse(&text).ok())
                .is_some_and(|read| read.verify(&[key().public()]).is_ok());
            prop_assert!(!believed);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>(), cut in any::<prop::sample::Index>()) {
            let _ = SignedCheckpoint::parse(&text);
            let whole = signed(None, 1).text();
            let whole: Vec<char> = whole.chars().collect();
            let (front, back) = whole.split_at(cut.index(whole.len()));
            let mixed = format!("{}{text}{}", front.iter().collect::<String>(), back.iter().collect::<String>());
            if let Ok(read) = SignedCheckpoint::parse(&mixed) {
                prop_assert_eq!(read.text(), mixed);
            }
        }
    }
}
