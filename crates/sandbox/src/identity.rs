//! Whom commands run as.

use serde::{Deserialize, Serialize};

/// The unprivileged uid and gid that commands run as when AAMAS itself runs as root. No account of this number is
/// needed: nothing outside looks it up, and inside the generated `/etc/passwd` calls it `agent`. It lies above the
/// range that systems hand out to people (1000 to 60000) and below those for containers (65536 and up).
pub const RESERVED_ID: u32 = 64_123;

/// The uid and gid of commands, the same inside and outside. Layers, uppers and throw-away git directories must belong
/// to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Identity {
    /// [`RESERVED_ID`] when this process is root's, else its own.
    #[must_use]
    pub fn of_commands() -> Self {
        let uid = nix::unistd::geteuid();
        if uid.is_root() {
            Self { uid: RESERVED_ID, gid: RESERVED_ID }
        } else {
            Self { uid: uid.as_raw(), gid: nix::unistd::getegid().as_raw() }
        }
    }

    /// Whether what a command has to write to must first be given to it (`chown`): this process is root, commands are not.
    #[must_use]
    pub fn is_reserved(self) -> bool {
        self.uid != nix::unistd::geteuid().as_raw()
    }
}
