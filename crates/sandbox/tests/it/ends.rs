//! Every way a command can end, and that nothing is left of it.

use std::io::BufRead;
use std::time::Duration;

use sandbox::{Command, End, Exec, SandboxError};

use crate::ground::Ground;
use crate::outside::{gone, processes_with, watch};

/// A command line that no other process on the machine has.
fn marker(name: &str) -> String {
    format!("31415926.{}{}", std::process::id(), name.bytes().map(|b| b.to_string()).collect::<String>())
}

fn is_sleep(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
}

fn with(text: &str, change: impl FnOnce(&mut sandbox::Limits)) -> Command {
    let mut command = Command::shell(text).timeout(Duration::from_secs(60));
    change(&mut command.limits);
    command
}

#[tokio::test]
async fn each_limit_has_its_own_end() {
    let ground = Ground::new();
    let session = ground.session().await;
    let cases = [
        ("by itself", with("exit 7", |_| {}), End::Exited(7)),
        ("by a signal", with("kill -SEGV $$", |_| {}), End::Signaled(libc::SIGSEGV)),
        (
            "time",
            with("trap '' TERM INT HUP; while :; do :; done", |l| l.timeout = Duration::from_millis(200)),
            End::TimedOut,
        ),
        ("output", with("yes", |l| l.output_total_bytes = 1 << 20), End::OutputLimit),
        (
            "output in one line",
            with("tr '\\0' x </dev/zero >&2", |l| l.output_total_bytes = 1 << 20),
            End::OutputLimit,
        ),
        (
            "memory",
            with("head -c 3000m /dev/zero | tail -n1 | wc -c", |l| l.memory_bytes = 64 << 20),
            End::OutOfMemory,
        ),
        (
            "memory of many",
            with("for i in 1 2 3 4; do head -c 30m /dev/zero | (tail -n1; sleep 60) & done; wait", |l| {
                l.memory_bytes = 64 << 20
            }),
            End::OutOfMemory,
        ),
        (
            "disk",
            with(
                "for i in $(seq 100); do dd if=/dev/zero of=f$i bs=1M count=15 2>/dev/null; done; sleep 60",
                |l| {
                    l.disk_bytes = 64 << 20;
                },
            ),
            End::DiskLimit,
        ),
        ("clean-up over the limit", with("rm f*; sleep 0.5", |l| l.disk_bytes = 64 << 20), End::Exited(0)),
        (
            "names",
            with("mkdir d; cd d; while :; do touch $(seq 2000); mkdir x; cd x; done", |l| {
                l.disk_bytes = 8 << 20
            }),
            End::DiskLimit,
        ),
    ];
    for (name, command, want) in cases {
        let output = session.exec(command).await.unwrap();
        assert_eq!(output.end, want, "{name}: {} {}", output.stdout.text().len(), output.stderr.text());
    }
}

#[tokio::test]
async fn a_fork_bomb_is_held_and_killed() {
    let ground = Ground::new();
    let session = ground.session().await;
    let mark = marker("bomb");
    let bomb = format!("b() {{ exec -a {mark} bash -c 'while :; do sleep 9 & done' & b; }}; b");
    let command = with(&bomb, |l| {
        l.processes = 64;
        l.timeout = Duration::from_millis(1500);
    });
    let most = std::sync::atomic::AtomicUsize::new(0);
    let output = session
        .exec_streaming(command, |_, _| {
            most.fetch_max(processes_with(&mark).len(), std::sync::atomic::Ordering::Relaxed);
        })
        .await
        .unwrap();
    assert!(matches!(output.end, End::TimedOut | End::Exited(_)), "{output:?}");
    assert!(output.stderr.text().contains("Resource temporarily unavailable"), "{}", output.stderr.text());
    assert!(most.into_inner() <= 64);
    assert_eq!(processes_with(&mark), Vec::<i32>::new());
    assert_eq!(session.exec(Command::shell("echo fine")).await.unwrap().stdout.text(), "fine\n");
}

#[tokio::test]
async fn nothing_survives_a_command() {
    let ground = Ground::new();
    let session = ground.session().await;
    let mark = marker("daemon");
    // Two forks and a session of its own. The command goes away once the daemon has been seen.
    let daemon =
        format!("(setsid bash -c '(exec sleep {mark}) & wait' &); echo running; until [ -e go ]; do :; done");
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let command = session.exec_streaming(Command::shell(daemon), |_, _| {
        let _ = tell.take().map(|tell| tell.send(()));
    });
    let look = async {
        told.await.unwrap();
        let mut seen = processes_with(&mark);
        while !seen.iter().any(|pid| is_sleep(*pid)) {
            tokio::task::yield_now().await;
            seen = processes_with(&mark);
        }
        session.call("write", serde_json::json!({ "path": "go" })).await.unwrap().unwrap();
        seen
    };
    let (output, seen) = tokio::join!(command, look);
    let output = output.unwrap();
    assert_eq!(output.end, End::Exited(0));
    assert!(!seen.is_empty(), "the check can see it");
    assert_eq!(processes_with(&mark), Vec::<i32>::new());
}

#[tokio::test]
async fn a_canceled_command_is_killed() {
    let ground = Ground::new();
    let session = ground.session().await;
    let command = Command::shell("echo running; sleep 1000");
    let cancel = command.cancel.clone();
    let output = session.exec_streaming(command, |_, _| cancel.cancel()).await.unwrap();
    assert_eq!(output.end, End::Canceled);
}

#[tokio::test]
async fn a_command_whose_caller_goes_away_is_killed() {
    let ground = Ground::new();
    let session = ground.session().await;
    let mark = marker("dropped");
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let command = Command::shell(format!("echo running; exec sleep {mark}"));
    let running = session.exec_streaming(command, |_, _| {
        let _ = tell.take().map(|tell| tell.send(()));
    });
    tokio::select! {
        _ = running => panic!("it sleeps"),
        _ = told => {}
    }
    // The next command is served after the word to kill; init collects the dead before it reports.
    for process in processes_with(&mark).into_iter().filter_map(watch) {
        assert!(gone(&process));
    }
    assert_eq!(session.exec(Command::shell("true")).await.unwrap().end, End::Exited(0));
}

#[tokio::test]
async fn a_built_in_that_hangs_is_stopped() {
    let ground = Ground::new();
    let session = ground.session().await;
    // The limit of 30 s is the product's; here the caller goes away earlier.
    let spin = session.call("spin", serde_json::json!(null));
    assert!(tokio::time::timeout(Duration::from_millis(100), spin).await.is_err());
    assert_eq!(session.exec(Command::shell("true")).await.unwrap().end, End::Exited(0));
}

#[tokio::test]
async fn closing_ends_what_runs() {
    let ground = Ground::new();
    let session = std::sync::Arc::new(ground.session().await);
    let mark = marker("closed");
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let command = Command::shell(format!("echo running; exec sleep {mark}"));
    let session_of_command = session.clone();
    let running = tokio::runtime::Handle::current().spawn(async move {
        let tell = move |_, _: &[u8]| {
            let _ = tell.take().map(|tell| tell.send(()));
        };
        session_of_command.exec_streaming(command, tell).await
    });
    told.await.unwrap();
    session.stop().await;
    assert!(matches!(running.await.unwrap(), Err(SandboxError::InitDied { .. })));
    assert_eq!(processes_with(&mark), Vec::<i32>::new());
    let after = session.exec(Command::shell("true")).await;
    assert!(matches!(after, Err(SandboxError::InitDied { .. })));
}

#[test]
fn kill_9_of_the_host_leaves_nothing() {
    let ground = Ground::new();
    let mark = marker("killed");
    let plan = serde_json::to_string(&ground.plan).unwrap();
    #[expect(clippy::disallowed_methods, reason = "drives the built binary")]
    let mut host = std::process::Command::new(crate::ground::launcher())
        .args(["host", &plan, &format!("echo running; (setsid sleep {mark} &); exec sleep {mark}")])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "running\n");
    let inside: Vec<_> =
        processes_with(&mark).into_iter().filter(|p| *p != host.id() as i32).filter_map(watch).collect();
    assert!(!inside.is_empty(), "the check can see them");
    host.kill().unwrap();
    host.wait().unwrap();
    assert!(inside.iter().all(gone));
    // One may have been made between the look and the kill.
    assert!(processes_with(&mark).into_iter().filter_map(watch).all(|process| gone(&process)));
}

#[tokio::test]
async fn the_death_of_init_is_an_error_that_can_be_told_from_all_others() {
    let ground = Ground::new();
    let session = ground.session().await;
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let running = session.exec_streaming(Command::shell("echo running; sleep 1000"), |_, _| {
        let _ = tell.take().map(|tell| tell.send(()));
    });
    let kill = async {
        told.await.unwrap();
        let init = child_of(session.launcher_id());
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(init), nix::sys::signal::Signal::SIGKILL).unwrap();
    };
    let (ended, ()) = tokio::join!(running, kill);
    assert!(matches!(ended, Err(SandboxError::InitDied { .. })), "{ended:?}");
    assert!(matches!(session.call("echo", serde_json::json!(1)).await, Err(SandboxError::InitDied { .. })));
    let again = ground.session().await;
    assert_eq!(again.exec(Command::shell("echo again")).await.unwrap().stdout.text(), "again\n");
}

/// The one child of a process.
fn child_of(parent: u32) -> i32 {
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok())
            == Some(parent)
    };
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok()).find(is_child).unwrap()
}

#[tokio::test]
async fn more_commands_than_may_run_at_once_take_turns() {
    let ground = Ground::new();
    let session = ground.session().await;
    let mut all = Vec::new();
    for i in 0..20 {
        all.push(session.exec(Command::shell(format!("echo {i}; sleep 0.05"))));
    }
    // A command that is killed while it waits for its turn is over at once.
    let late = session.exec(Command::shell("sleep 60").timeout(Duration::from_millis(20)));
    let all = async {
        let mut texts = Vec::new();
        let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
        std::future::poll_fn(|context| {
            all.retain_mut(|one| match one.as_mut().poll(context) {
                std::task::Poll::Ready(output) => {
                    texts.push(output.unwrap().stdout.text());
                    false
                }
                std::task::Poll::Pending => true,
            });
            if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        texts
    };
    let (mut texts, late) = tokio::join!(all, late);
    texts.sort_by_key(|text| text.trim().parse::<u32>().unwrap());
    assert_eq!(texts, (0..20).map(|i| format!("{i}\n")).collect::<Vec<_>>());
    assert_eq!(late.unwrap().end, End::TimedOut);
}
