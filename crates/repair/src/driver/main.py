"""Part 6 of the driver: the request and its operation."""


def check(request):
    """Runs all tests plainly, from the files on disk: nothing forked between tests, nothing replaced."""
    keeper = Keeper()

    def work(send):
        side = choose_side(request.get("framework"), request["arguments"], False)

        def body():
            send({"event": "collected", "framework": side.name, "version": side.version, "lenient": request["lenient"],
                  "python": "%d.%d.%d" % sys.version_info[:3], "tests": side.tests(), "errors": side.errors,
                  "import_lines": {}, "seconds": 0.0, "modules": []})

            def done(record):
                send(dict(record, event="test"))
                return True

            side.run([t[0] for t in side.tests()], lambda name: None, done)

        if not side.session(body, request["lenient"]):
            send({"event": "refused"})

    child = Child(work)
    deadline = time.monotonic() + request["seconds"]
    for record in child.records(lambda: deadline):
        say(**record) if "event" in record else say("driver_error", text=record.get("driver_error", ""))
    child.end()
    made, changed = keeper.put_back()
    say("surveyed", collected=True, in_time=time.monotonic() < deadline, made=made, changed=changed)


def read(request):
    """The Python files of the workspace that may be searched, with their text."""
    for path in request["paths"] if request.get("paths") is not None else python_files():
        full = os.path.join(ROOT, path)
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if os.path.getsize(full) > request["file_bytes"] or os.path.islink(full):
                continue
            with open(full, "rb") as file:
                text = file.read().decode("utf-8")
            say("file", path=path, text=text, test=is_test_file(path))
    say("read")


def write(request):
    """Puts files in place whole, and removes what the tests left behind."""
    for path, text in request["files"].items():
        full = os.path.join(ROOT, path)
        old = os.stat(full)
        beside = full + ".aamas-new"
        with open(beside, "wb") as file:
            file.write(text.encode("utf-8"))
        os.chmod(beside, old.st_mode & 0o7777)
        if int(os.stat(beside).st_mtime) == int(old.st_mtime):
            # Cached bytecode goes by whole seconds and size: the same second would show the old code.
            os.utime(beside, (old.st_atime + 2, old.st_mtime + 2))
        os.replace(beside, full)
    for path in request.get("remove", ()):
        with contextlib.suppress(OSError):
            os.remove(os.path.join(ROOT, path))
    say("written")


def main():
    request = json.loads(sys.stdin.buffer.read())
    open_channel()
    if sys.path and sys.path[0] == "":
        sys.path[0] = os.getcwd()
    source = os.path.join(ROOT, "src")
    if os.path.isdir(source) and not os.path.exists(os.path.join(source, "__init__.py")):
        # A package below src/ is tested as it stands there, installed or not.
        sys.path.insert(1, source)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    scratch = tempfile.mkdtemp(prefix="aamas-repair-")
    sys.pycache_prefix = os.path.join(scratch, "pycache")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    global SCRATCH
    PytestSide.scratch = SCRATCH = scratch
    try:
        {"survey": survey, "search": search, "check": check, "read": read, "write": write}[request["op"]](request)
    except BaseException:
        say("driver_error", text=traceback.format_exc()[-MESSAGE_LIMIT:])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


main()
