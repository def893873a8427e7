//! A page shared between init and the first process of each command, in which that process says how it went: an exit
//! status alone can't tell a signal from an exit code.

use std::ptr::NonNull;

use nix::errno::Errno;

use crate::wire::{Ended, Failure};

/// Commands of one run at one time. More are refused; an agent's parallel tool calls are far fewer.
pub(super) const SLOTS: usize = 64;
const TEXT: usize = 116;
/// A slot of its own for the count of files.
const COUNT: usize = SLOTS;

const EMPTY: i32 = 0;
const EXITED: i32 = 1;
const SIGNALED: i32 = 2;
const NOT_STARTED: i32 = 3;

#[repr(C)]
#[derive(Clone, Copy)]
struct Slot {
    kind: i32,
    value: i32,
    len: u32,
    text: [u8; TEXT],
}

/// The shared page.
pub(super) struct Slots(NonNull<Slot>);

impl Slots {
    pub(super) fn new() -> Result<Self, Errno> {
        let (size, rights) = ((SLOTS + 1) * size_of::<Slot>(), libc::PROT_READ | libc::PROT_WRITE);
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping that touches no other; never unmapped while in use.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), size, rights, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let page = NonNull::new(page).ok_or(Errno::EFAULT)?;
        Ok(Self(page.cast()))
    }

    pub(super) fn clear(&self, index: usize) {
        self.write(index, Slot { kind: EMPTY, value: 0, len: 0, text: [0; TEXT] });
    }

    /// Says how a command ended, unless that has been said.
    pub(super) fn set(&self, index: usize, how: &Ended) {
        if self.read(index).kind != EMPTY {
            return;
        }
        let mut slot = Slot { kind: EXITED, value: 1, len: 0, text: [0; TEXT] };
        match how {
            Ended::Exited(code) => slot.value = *code,
            Ended::Signaled(signal) => (slot.kind, slot.value) = (SIGNALED, *signal),
            Ended::NotStarted(failure) => {
                (slot.kind, slot.value) = (NOT_STARTED, failure.errno);
                let len = failure.doing.len().min(TEXT);
                slot.text[..len].copy_from_slice(&failure.doing.as_bytes()[..len]);
                slot.len = u32::try_from(len).unwrap_or(0);
            }
            Ended::OutOfMemory | Ended::DiskLimit => return,
        }
        self.write(index, slot);
    }

    /// What was said, if anything.
    pub(super) fn get(&self, index: usize) -> Option<Ended> {
        let slot = self.read(index);
        match slot.kind {
            EXITED => Some(Ended::Exited(slot.value)),
            SIGNALED => Some(Ended::Signaled(slot.value)),
            NOT_STARTED => {
                let text = &slot.text[..(slot.len as usize).min(TEXT)];
                let doing = String::from_utf8_lossy(text).into_owned();
                Some(Ended::NotStarted(Failure { doing, errno: slot.value }))
            }
            _ => None,
        }
    }

    /// What a process that counts files has found.
    pub(super) fn set_counted(&self, bytes: u64) {
        let mut slot = Slot { kind: EXITED, value: 0, len: 0, text: [0; TEXT] };
        slot.text[..8].copy_from_slice(&bytes.to_le_bytes());
        self.write(COUNT, slot);
    }

    /// See [`Slots::set_counted`].
    pub(super) fn counted(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.read(COUNT).text[..8]);
        u64::from_le_bytes(bytes)
    }

    fn read(&self, index: usize) -> Slot {
        assert!(index <= COUNT);
        // SAFETY: within the mapping; written by a process that is gone or by this one.
        unsafe { self.0.add(index).read_volatile() }
    }

    fn write(&self, index: usize, slot: Slot) {
        assert!(index <= COUNT);
        // SAFETY: within the mapping.
        unsafe { self.0.add(index).write_volatile(slot) }
    }
}
