//! Who holds a lease: a process, named so that its death can be proven.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

/// A process. A pid is used again, so its start time and the boot stand beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The name of its host.
    pub host: String,
    /// The kernel's id of the present boot.
    pub boot_id: String,
    /// The process-id namespace that `pid` counts in.
    pub pid_namespace: String,
    /// Its process id.
    pub pid: u32,
    /// When it started, in clock ticks since the boot.
    pub started_ticks: u64,
}

impl Owner {
    /// The calling process.
    ///
    /// # Errors
    /// `/proc` can't be read.
    pub fn this_process() -> io::Result<Self> {
        let pid = std::process::id();
        Ok(Self {
            host: read_line("/proc/sys/kernel/hostname")?,
            boot_id: read_line("/proc/sys/kernel/random/boot_id")?,
            pid_namespace: pid_namespace()?,
            pid,
            started_ticks: started_ticks(pid)?.ok_or(io::ErrorKind::NotFound)?,
        })
    }

    /// Whether this process is proven to have ended, as seen by the calling process. `false` means only that
    /// there is no proof: it lives, or it ran on another host or in another container.
    #[must_use]
    pub fn is_proven_dead(&self) -> bool {
        let Ok(here) = Self::this_process() else { return false };
        if self.boot_id != here.boot_id {
            // The same host has started anew since.
            return self.host == here.host;
        }
        self.pid_namespace == here.pid_namespace
            && matches!(started_ticks(self.pid), Ok(started) if started != Some(self.started_ticks))
    }
}

/// When a process started; `None` if there is no such process, or only what is left of it (a zombie).
fn started_ticks(pid: u32) -> io::Result<Option<u64>> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        Err(e) if e.kind() == io::ErrorKind::NotFound || e.raw_os_error() == Some(nix::libc::ESRCH) => {
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    parse_stat(&stat).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The start time in a line of `/proc/PID/stat` (proc_pid_stat(5)): the 22nd field. The second, the name, may
/// hold anything but ends at the last parenthesis.
fn parse_stat(stat: &str) -> Option<Option<u64>> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((!matches!(state, "Z" | "X" | "x")).then_some(started))
}

fn pid_namespace() -> io::Result<String> {
    Ok(fs::read_link("/proc/self/ns/pid")?.to_string_lossy().into_owned())
}

fn read_line(path: &str) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_cannot_forge_its_start() {
        let line = "42 (a) R 1 2 3) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 1 2";
        assert_eq!(parse_stat(line), Some(Some(777)));
        assert_eq!(parse_stat(&line.replace(") S", ") Z")), Some(None));
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn death_must_be_proven() {
        let here = Owner::this_process().expect("there is a /proc");
        let changed = |change: fn(&mut Owner)| {
            let mut owner = here.clone();
            change(&mut owner);
            owner.is_proven_dead()
        };
        assert!(!here.is_proven_dead());
        assert!(changed(|o| o.started_ticks += 1), "its pid was given to another process");
        assert!(changed(|o| o.boot_id = "earlier".into()), "the host has started anew");
        assert!(!changed(|o| (o.boot_id, o.host) = ("other".into(), "other".into())), "another host");
        assert!(!changed(|o| (o.pid_namespace, o.pid) = ("other".into(), 0)), "another container");
    }
}
