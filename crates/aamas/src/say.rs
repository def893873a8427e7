//! Printing that survives a reader who has gone: `aamas runs list | head -1` is no reason to panic, and a run goes on
//! when its terminal is closed.

use std::io::Write;

/// The target of log lines that no filter leaves out: what a person is told in any case, where lines are JSON.
pub const TOLD: &str = "aamas::told";

/// A line on stdout; what can't be written is dropped.
pub fn out_line(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line on stderr; what can't be written is dropped.
pub fn err_line(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A line on stdout.
macro_rules! out {
    () => { $crate::say::out_line(format_args!("")) };
    ($($arg:tt)*) => { $crate::say::out_line(format_args!($($arg)*)) };
}

/// A line on stderr.
macro_rules! err {
    () => { $crate::say::err_line(format_args!("")) };
    ($($arg:tt)*) => { $crate::say::err_line(format_args!($($arg)*)) };
}

pub(crate) use {err, out};
