//! Commands in a plain directory, with no isolation at all: for the unit tests of rooms above the sandbox.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Instant;

use sandbox::{Builtins, Captured, Command, End, Exec, Output, Program, SandboxError, Stream};

/// A directory in which commands run as the test's own user.
pub struct BareDir {
    root: PathBuf,
    builtins: Builtins,
}

impl BareDir {
    /// Commands will run in `root`, which must exist.
    pub fn new(root: impl Into<PathBuf>, builtins: Builtins) -> Self {
        Self { root: root.into(), builtins }
    }
}

impl Exec for BareDir {
    fn root(&self) -> &Path {
        &self.root
    }

    #[expect(clippy::disallowed_methods, reason = "a test double of the sandbox itself")]
    async fn exec_streaming(
        &self,
        command: Command,
        mut on_output: impl FnMut(Stream, &[u8]) + Send,
    ) -> Result<Output, SandboxError> {
        use std::os::unix::process::{CommandExt, ExitStatusExt};
        let mut std_command = match &command.program {
            Program::Shell(text) => {
                let mut c = std::process::Command::new("bash");
                c.arg("-c").arg(text);
                c
            }
            Program::Argv(words) => {
                let mut c = std::process::Command::new(&words[0]);
                c.args(&words[1..]);
                c
            }
        };
        let began = Instant::now();
        let mut child = std_command
            .current_dir(self.root.join(&command.cwd))
            .envs(command.env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|e| SandboxError::host(format!("start {:?}", command.program), e))?;
        let pid = child.id();
        let (send, receive) = mpsc::channel::<(Stream, Vec<u8>)>();
        let mut stdin = child.stdin.take().expect("piped");
        let input = command.stdin.clone();
        std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let readers = [
            (Stream::Stdout, Box::new(child.stdout.take().expect("piped")) as Box<dyn Read + Send>),
            (Stream::Stderr, Box::new(child.stderr.take().expect("piped"))),
        ];
        for (stream, mut reader) in readers {
            let send = send.clone();
            std::thread::spawn(move || {
                let mut buffer = [0u8; 16 * 1024];
                while let Ok(n) = reader.read(&mut buffer) {
                    if n == 0 || send.send((stream, buffer[..n].to_vec())).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let (mut stdout, mut stderr) = (Captured::default(), Captured::default());
        let mut killed = None;
        loop {
            let left = command.limits.timeout.saturating_sub(began.elapsed());
            if killed.is_none() && (left.is_zero() || command.cancel.is_cancelled()) {
                killed = Some(if command.cancel.is_cancelled() { End::Canceled } else { End::TimedOut });
                let _ = std::process::Command::new("kill").args(["-9", "--", &format!("-{pid}")]).status();
            }
            match receive.recv_timeout(
                left.min(std::time::Duration::from_millis(50)).max(std::time::Duration::from_millis(1)),
            ) {
                Ok((stream, bytes)) => {
                    on_output(stream, &bytes);
                    let captured = if stream == Stream::Stdout { &mut stdout } else { &mut stderr };
                    captured.total_bytes += bytes.len() as u64;
                    captured.head.extend_from_slice(&bytes);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = child.wait().map_err(|e| SandboxError::host("wait for a command", e))?;
        let end = killed.unwrap_or_else(|| match status.code() {
            Some(code) => End::Exited(code),
            None => End::Signaled(status.signal().unwrap_or(0)),
        });
        Ok(Output { end, stdout, stderr, wall: began.elapsed(), cpu: std::time::Duration::ZERO })
    }

    async fn call(
        &self,
        builtin: &str,
        arguments: serde_json::Value,
    ) -> Result<Result<serde_json::Value, String>, SandboxError> {
        let function = self.builtins.iter().find(|(name, _)| *name == builtin).map(|(_, f)| f);
        Ok(match function {
            Some(function) => function(&self.root, arguments),
            None => Err(format!("no built-in is called {builtin}")),
        })
    }
}
