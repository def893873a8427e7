//! The smallest binary with a launcher, for the tests of this crate: what `aamas sandbox-launcher` is in the product.

use std::path::Path;

use sandbox::Builtins;
use serde_json::{Value, json};

const BUILTINS: Builtins =
    &[("echo", echo), ("read", read), ("write", write), ("panic", panics), ("spin", spin), ("fill", fill)];

fn main() {
    match std::env::args().collect::<Vec<_>>().as_slice() {
        [_, word, plan, command] if word == "host" => host(plan, command),
        [_, word, call, flag] if word == "without" => {
            take_away(call.parse().expect("a number"), flag.parse().expect("a number"));
            sandbox::run_launcher(BUILTINS)
        }
        _ => sandbox::run_launcher(BUILTINS),
    }
}

/// Lets the kernel refuse a system call to this process and all that come of it, as an old or a locked-down kernel would;
/// with a flag, only where the first argument has it.
fn take_away(call: u32, flag: u32) {
    let step = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let (load, equal, any_bit, give) = (0x20, 0x15, 0x45, 0x06);
    let (allow, refuse) = (0x7fff_0000, 0x0005_0000 | libc::EPERM as u32);
    let test = if flag == 0 { step(equal, call, 0, 0) } else { step(any_bit, flag, 0, 1) };
    let argument = if flag == 0 { 0 } else { 16 };
    let mut program = [
        step(load, 0, 0, 0),
        step(equal, call, 1, 0),
        step(give, allow, 0, 0),
        step(load, argument, 0, 0),
        test,
        step(give, refuse, 0, 0),
        step(give, allow, 0, 0),
    ];
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program outlives the calls, which only read it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

/// Runs one command in a session and hands its output on: a host that a test can kill.
fn host(plan: &str, command: &str) {
    use std::io::Write;
    let plan = serde_json::from_str(plan).expect("a plan");
    let exe = std::env::current_exe().expect("its own path");
    let options = sandbox::SessionOptions { arguments: Vec::new(), ..sandbox::SessionOptions::new(exe) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let session = sandbox::Session::start(&plan, options).await.expect("a session");
        let pass_on = |_, bytes: &[u8]| {
            let _ = std::io::stdout().write_all(bytes);
            let _ = std::io::stdout().flush();
        };
        let _ = sandbox::Exec::exec_streaming(&session, sandbox::Command::shell(command), pass_on).await;
    });
}

fn echo(root: &Path, arguments: Value) -> Result<Value, String> {
    Ok(
        json!({ "root": root, "arguments": arguments, "cwd": std::env::current_dir().map_err(|e| e.to_string())? }),
    )
}

fn read(root: &Path, arguments: Value) -> Result<Value, String> {
    let root = sandbox::beneath::Root::open(root).map_err(|e| e.to_string())?;
    let path = arguments["path"].as_str().ok_or("no path")?;
    let bytes = root.read(path, 1 << 20).map_err(|e| e.to_string())?;
    Ok(json!({ "text": String::from_utf8_lossy(&bytes) }))
}

fn write(root: &Path, arguments: Value) -> Result<Value, String> {
    let root = sandbox::beneath::Root::open(root).map_err(|e| e.to_string())?;
    let path = arguments["path"].as_str().ok_or("no path")?;
    root.write(path, arguments["text"].as_str().unwrap_or("").as_bytes()).map_err(|e| e.to_string())?;
    Ok(Value::Null)
}

fn panics(_: &Path, _: Value) -> Result<Value, String> {
    panic!("on purpose")
}

fn spin(_: &Path, _: Value) -> Result<Value, String> {
    loop {
        std::hint::spin_loop();
    }
}

fn fill(_: &Path, arguments: Value) -> Result<Value, String> {
    let size = arguments["bytes"].as_u64().and_then(|n| usize::try_from(n).ok()).ok_or("no size")?;
    Ok(Value::String("x".repeat(size)))
}
