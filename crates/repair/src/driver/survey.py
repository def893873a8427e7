"""Part 3 of the driver: which tests fail, how, and which lines each of them runs."""


class LineTracer:
    """Collects the lines that run in the workspace's own files, tests left out."""

    def __init__(self):
        self.known = {}
        self.lines = {}
        self.tool = None
        monitoring = getattr(sys, "monitoring", None)
        if monitoring is not None:
            self.monitoring = monitoring

    def wanted(self, path):
        if path in self.known:
            return self.known[path]
        inside = relative(path)
        if inside is not None and is_test_file(inside):
            inside = None
        self.known[path] = inside
        return inside

    def start(self):
        if hasattr(self, "monitoring"):
            self.start_monitoring()
        else:
            import threading

            threading.settrace(self.called)
            sys.settrace(self.called)

    def stop(self):
        if hasattr(self, "monitoring"):
            if self.tool is not None:
                self.monitoring.set_events(self.tool, 0)
                self.monitoring.free_tool_id(self.tool)
                self.tool = None
        else:
            import threading

            sys.settrace(None)
            threading.settrace(None)

    def take(self):
        """The lines since the last call, by file."""
        taken = {path: ranges(lines) for path, lines in self.lines.items() if lines}
        self.lines = {}
        if hasattr(self, "monitoring") and self.tool is not None:
            self.monitoring.restart_events()
        return taken

    def called(self, frame, event, argument):
        inside = self.wanted(frame.f_code.co_filename)
        if inside is None:
            return None
        self.lines.setdefault(inside, set()).add(frame.f_lineno)
        return self.stepped

    def stepped(self, frame, event, argument):
        if event == "line":
            inside = self.known[frame.f_code.co_filename]
            self.lines.setdefault(inside, set()).add(frame.f_lineno)
        return self.stepped

    def start_monitoring(self):
        monitoring = self.monitoring
        for tool in (3, 4, 2, 1, 5):
            if monitoring.get_tool(tool) is None:
                break
        monitoring.use_tool_id(tool, "aamas")
        self.tool = tool

        def line(code, number):
            inside = self.wanted(code.co_filename)
            if inside is not None:
                self.lines.setdefault(inside, set()).add(number)
            return monitoring.DISABLE

        monitoring.register_callback(tool, monitoring.events.LINE, line)
        monitoring.set_events(tool, monitoring.events.LINE)
        monitoring.restart_events()


def survey(request):
    """Collects, runs everything once plainly, then once more watching the lines."""
    keeper = Keeper()
    ended = {"collected": False}

    def attempt(lenient):
        def work(send):
            collect_and_run(request, lenient, send)

        child = Child(work)
        deadline = time.monotonic() + request["seconds"]
        for record in child.records(lambda: deadline):
            if "driver_error" in record:
                say("driver_error", text=record["driver_error"])
                continue
            if record["event"] == "collected":
                ended["collected"] = True
            say(**record)
        status = child.end()
        return time.monotonic() < deadline, status

    in_time, status = attempt(False)
    if in_time and not ended["collected"]:
        in_time, status = attempt(True)
    made, changed = keeper.put_back()
    say("surveyed", collected=ended["collected"], in_time=in_time, made=made, changed=changed)


def collect_and_run(request, lenient, send):
    side = choose_side(request.get("framework"), request["arguments"], False)
    tracer = LineTracer()
    began = time.monotonic()
    tracer.start()

    def body():
        tracer.stop()
        import_lines = tracer.take()
        tests = side.tests()
        send({"event": "collected", "framework": side.name, "version": side.version, "lenient": lenient,
              "python": "%d.%d.%d" % sys.version_info[:3], "tests": tests, "errors": side.errors,
              "import_lines": import_lines, "seconds": time.monotonic() - began, "modules": foreign_modules()})
        ids = [t[0] for t in tests]
        results = run_guarded(side, ids, request, None, lambda r: send(dict(r, event="test")))
        failing = [i for i in ids if results.get(i, {}).get("outcome") == "failed"]
        passing = [i for i in ids if results.get(i, {}).get("outcome") == "passed"]
        if failing:
            budget = time.monotonic() + request["trace_seconds"]
            only = failing[:request["trace_failing"]]
            keep = lambda r: send({"event": "lines", "id": r["id"], "lines": r["lines"]})
            hung = {i for i in failing if results[i].get("hung")}
            run_guarded(side, sorted(only, key=lambda i: i in hung), request, tracer, keep, budget, hung)
            run_guarded(side, passing, request, tracer, keep, budget)

    if not side.session(body, lenient):
        send({"event": "refused"})


def foreign_modules():
    """The imported modules that are not the workspace's own: safe to import before any candidate."""
    names = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and relative(path) is None and not os.path.realpath(path).startswith(ROOT + os.sep):
            names.append(name)
    return names


def run_guarded(side, ids, request, tracer, keep, budget=None, hung=()):
    """Runs tests in forked children; one that hangs or kills its process is marked, the rest go on."""
    results, rest = {}, list(ids)
    limit = request["test_seconds"]
    while rest:
        if budget is not None and time.monotonic() > budget:
            break
        state = {"current": None, "since": time.monotonic()}

        def work(send, rest=rest, limit=limit):
            def ring(number, frame):
                raise TestTimeout("ran longer than %.1f s" % limit)

            signal.signal(signal.SIGALRM, ring)

            def start(name):
                send({"begin": name})
                if tracer is not None:
                    tracer.lines = {}
                    tracer.start()
                signal.setitimer(signal.ITIMER_REAL, min(limit, 1.0) if name in hung else limit, 0.2)

            def done(record):
                signal.setitimer(signal.ITIMER_REAL, 0)
                if tracer is not None:
                    tracer.stop()
                    record["lines"] = tracer.take()
                send(record)
                return budget is None or time.monotonic() < budget

            side.run(rest, start, done)

        child = Child(work, request["memory_bytes"], SCRATCH)
        for record in child.records(lambda: state["since"] + limit * 2 + 2):
            if "begin" in record:
                state.update(current=record["begin"], since=time.monotonic())
            elif "id" in record:
                state.update(current=None, since=time.monotonic())
                if record.get("kind") == "TestTimeout":
                    record["hung"] = True
                    longest = max([r["seconds"] for r in results.values() if not r.get("hung")] or [0.0])
                    limit = min(limit, max(1.0, 10 * longest))
                results[record["id"]] = record
                keep(record)
        status = child.end()
        lost = state["current"]
        if lost is not None and lost not in results:
            results[lost] = {"id": lost, "outcome": "failed", "seconds": limit, "kind": "Killed", "hung": True,
                             "message": "the test ended its process (status %d) or hung" % status, "frames": [],
                             "lines": {}}
            keep(results[lost])
        left = [i for i in rest if i not in results]
        if len(left) == len(rest):
            break
        rest = left if lost is not None or status != 0 else []
    return results
