"""Part 1 of the driver: talking to AAMAS, children with deadlines, paths of the workspace.

The driver runs on any Python from 3.7 on, with the project's own interpreter and nothing but its
standard library. It arrives on standard input, reads one JSON request behind itself and answers
with one JSON object per line. Tests never see its descriptors.
"""

import contextlib
import gc
import hashlib
import importlib.util
import json
import os
import re
import resource
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import types

ROOT = os.path.realpath(os.getcwd())
OUTPUT = None
SCRATCH = None
SKIPPED_FOLDERS = {
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "env", "node_modules", "__pycache__",
    "site-packages", ".eggs", "build", "dist", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".aamas",
}
MESSAGE_LIMIT = 2000


def open_channel():
    """Takes standard output for the driver's answers and points the three standard streams at nothing."""
    global OUTPUT
    OUTPUT = os.dup(1)
    os.set_inheritable(OUTPUT, False)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.stdin = open(0, "r", closefd=False)
    sys.stdout = open(1, "w", closefd=False)
    sys.stderr = open(2, "w", closefd=False)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


def say(event, **fields):
    """Sends one event to AAMAS."""
    fields["event"] = event
    write_all(OUTPUT, (json.dumps(fields, separators=(",", ":")) + "\n").encode("utf-8", "replace"))


def write_all(descriptor, data):
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]


RELATIVE = {}


def relative(path):
    """As `inside_root`, each path looked at once."""
    try:
        return RELATIVE[path]
    except KeyError:
        RELATIVE[path] = found = inside_root(path)
        return found


def inside_root(path):
    """The path beneath the workspace root, or None for a file that is not the workspace's own."""
    if not path or path.startswith("<"):
        return None
    real = os.path.realpath(path)
    if not real.startswith(ROOT + os.sep):
        return None
    inside = real[len(ROOT) + 1:]
    parts = inside.split(os.sep)
    if SKIPPED_FOLDERS.intersection(parts[:-1]):
        return None
    return inside


def is_test_file(inside):
    """Whether the file belongs to the tests, by the names that pytest and unittest go by."""
    parts = inside.split(os.sep)
    name = parts[-1]
    if name.startswith("test_") or name.endswith("_test.py") or name in ("conftest.py", "tests.py", "test.py"):
        return True
    return bool({"test", "tests"}.intersection(parts[:-1]))


def python_files():
    """All Python files of the workspace, sorted."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS and not f.endswith(".egg-info"))
        for name in names:
            if name.endswith(".py"):
                found.append(os.path.relpath(os.path.join(folder, name), ROOT))
    return sorted(found)


def listing():
    """Every file of the workspace with its time and size, to see what the tests leave behind."""
    seen = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS]
        for name in names:
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                seen[os.path.relpath(path, ROOT)] = (status.st_mtime_ns, status.st_size)
    return seen


class Keeper:
    """Puts the workspace back: what the tests made goes, what they changed or removed is written anew."""

    FILE_BYTES, ALL_BYTES = 1 << 20, 64 << 20

    def __init__(self):
        self.before = listing()
        self.kept, total = {}, 0
        for path, (_, size) in sorted(self.before.items()):
            full = os.path.join(ROOT, path)
            if size > self.FILE_BYTES or total + size > self.ALL_BYTES or not os.path.isfile(full) or os.path.islink(full):
                continue
            with contextlib.suppress(OSError):
                with open(full, "rb") as file:
                    self.kept[path] = (file.read(), os.fstat(file.fileno()))
                total += size

    def put_back(self):
        after = listing()
        made = sorted(p for p in after if p not in self.before)
        changed = sorted(p for p in self.before if after.get(p) != self.before[p])
        for path in made:
            full = os.path.join(ROOT, path)
            with contextlib.suppress(OSError):
                os.remove(full)
                folder = os.path.dirname(full)
                while folder != ROOT and not os.listdir(folder):
                    os.rmdir(folder)
                    folder = os.path.dirname(folder)
        for path in changed:
            if path in self.kept:
                data, status = self.kept[path]
                full = os.path.join(ROOT, path)
                with contextlib.suppress(OSError):
                    os.makedirs(os.path.dirname(full), exist_ok=True)
                    with open(full, "wb") as file:
                        file.write(data)
                    os.chmod(full, status.st_mode & 0o7777)
                    os.utime(full, ns=(status.st_atime_ns, status.st_mtime_ns))
        return made, changed


class Child:
    """A forked child that sends lines back, killed with all its own children at the end."""

    def __init__(self, work, memory_bytes=None, scratch=None):
        self.scratch = scratch
        self.read_end, write_end = os.pipe()
        self.buffer = b""
        self.status = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                os.close(self.read_end)
                os.setpgid(0, 0)
                if memory_bytes:
                    limit_memory(memory_bytes)
                if scratch is not None:
                    own_scratch(scratch)
                work(lambda record: write_all(write_end, (json.dumps(record) + "\n").encode("utf-8", "replace")))
                code = 0
            except BaseException:
                with contextlib.suppress(BaseException):
                    text = traceback.format_exc()[-MESSAGE_LIMIT:]
                    write_all(write_end, (json.dumps({"driver_error": text}) + "\n").encode("utf-8", "replace"))
            finally:
                os._exit(code)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)
        os.close(write_end)

    def records(self, deadline_of):
        """Yields the records as they come; ends at the child's end or past the deadline, which may move."""
        while True:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                yield json.loads(line)
            left = deadline_of() - time.monotonic()
            if left <= 0:
                return
            ready, _, _ = select.select([self.read_end], [], [], left)
            if not ready:
                return
            data = os.read(self.read_end, 1 << 16)
            if not data:
                return
            self.buffer += data

    def end(self):
        """Kills what is left and gives the wait status."""
        if self.status is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if not done:
                # The pipe is closed by its exit; give a child that has said everything the moment to go by itself.
                with contextlib.suppress(OSError):
                    os.killpg(self.pid, signal.SIGKILL)
                with contextlib.suppress(OSError):
                    os.kill(self.pid, signal.SIGKILL)
                _, status = os.waitpid(self.pid, 0)
            else:
                with contextlib.suppress(OSError):
                    os.killpg(self.pid, signal.SIGKILL)
            self.status = status
            os.close(self.read_end)
            if self.scratch is not None:
                shutil.rmtree(os.path.join(self.scratch, str(self.pid)), ignore_errors=True)
        return self.status


def own_scratch(folder):
    """Gives this process a temporary directory of its own, so that tests side by side don't meet there."""
    mine = os.path.join(folder, str(os.getpid()))
    os.mkdir(mine)
    os.environ["TMPDIR"] = tempfile.tempdir = mine


def limit_memory(more_bytes):
    """Lets this process grow by so much and no more."""
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm") as statm:
            size = int(statm.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size + more_bytes, hard))


def ranges(lines):
    """`1-3,7` for {1, 2, 3, 7}."""
    parts, start, last = [], None, None
    for line in sorted(lines):
        if last is not None and line == last + 1:
            last = line
            continue
        if start is not None:
            parts.append(str(start) if start == last else "%d-%d" % (start, last))
        start = last = line
    if start is not None:
        parts.append(str(start) if start == last else "%d-%d" % (start, last))
    return ",".join(parts)


def frames_of(error):
    """The workspace's own frames of an exception and of what caused it, outermost first."""
    found, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        own = []
        if isinstance(error, SyntaxError) and relative(error.filename):
            own.append([relative(error.filename), error.lineno or 1, "<syntax>"])
        here = error.__traceback__
        while here is not None:
            inside = relative(here.tb_frame.f_code.co_filename)
            if inside:
                own.append([inside, here.tb_lineno, here.tb_frame.f_code.co_name])
            here = here.tb_next
        found = own[:40] + own[40:][-60:] + found if found else own[:40] + own[40:][-60:]
        error = error.__cause__ or error.__context__
    return found[-120:]


def shown(error):
    """The message of an exception, bounded; a broken __str__ is no reason to fail."""
    try:
        return str(error)[:MESSAGE_LIMIT]
    except Exception:
        return ""


def signature(kind, message, frames):
    """A short name of a failure: alike when the same thing goes wrong at the same place."""
    place = frames[-1] if frames else None
    message = re.sub(r"0x[0-9a-fA-F]+", "0x", message or "")
    return hashlib.sha1(repr((kind, message[:300], place)).encode("utf-8", "replace")).hexdigest()[:12]


class TestTimeout(BaseException):
    """Raised in a test that runs past its limit, so that its trace shows where it was."""
