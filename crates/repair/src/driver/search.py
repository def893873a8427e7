"""Part 5 of the driver: trying candidates in parallel, each in a child of its own.

Warm workers hold the collected tests and the imported project: a candidate inside one function is
tried by giving that function new code in a forked child. Cold workers hold the test framework and
third-party modules only: there the project is imported anew, with the changed source.
"""

INDEX = struct.Struct("<i")


class Trial:
    """What every worker knows: tests, plans, files, scopes and candidates of the request."""

    def __init__(self, request):
        self.request = request
        self.tests = request["tests"]
        self.seconds = request["test_seconds"]
        self.failing = set(request["failing"])
        self.plans = request["plans"]
        self.scopes = request["scopes"]
        self.paths = request["paths"]
        self.sources = []
        for path in self.paths:
            with open(os.path.join(ROOT, path), "rb") as file:
                self.sources.append(file.read())
        self.candidates = request["candidates"]

    def limit(self, test):
        """CPU seconds that a test may take: generous against its own time on the base, yet short."""
        return min(0.15 + 10.0 * self.seconds[test], 60.0)


def search(request):
    keeper = Keeper()
    trial = Trial(request)
    trial.results_read, trial.results_write = os.pipe()
    queues = {"warm": os.pipe(), "cold": os.pipe()}
    bases = [Child(lambda send: warm_base(trial, queues))]
    manager = Manager(trial, queues, bases)
    try:
        manager.run()
    finally:
        keeper.put_back()
    manager.finish()


class Manager:
    """Hands candidates out in order, keeps as many in flight as there are workers, decides when to stop."""

    def __init__(self, trial, queues, bases):
        self.trial, self.queues, self.bases = trial, queues, bases
        self.request = trial.request
        self.workers = self.request["workers"]
        self.began = time.monotonic()
        self.deadline = self.began + self.request["seconds"]
        self.buffer = b""
        self.warm_ready, self.cold_started = False, False
        self.next, self.flying, self.retry = 0, {}, []
        self.first_plausible, self.first_group = None, None
        self.done, self.found_at = 0, 0.0
        self.test_seconds = 0.0

    def run(self):
        reason = "exhausted"
        collect_deadline = self.began + self.request["collect_seconds"]
        while True:
            self.dispatch()
            if not self.flying and (self.stopped() or self.next >= len(self.trial.candidates)) and not self.retry:
                break
            if self.stopped() and not self.flying:
                break
            now = time.monotonic()
            if now > self.deadline:
                reason = "time"
                break
            if not self.warm_ready and not self.cold_started and (now > collect_deadline or self.dead(self.bases[0])):
                self.start_cold(everything=True)
            self.receive(min(0.25, self.deadline - now))
        for base in self.bases:
            base.end()
        if self.first_plausible is not None:
            reason = "found"
        elif reason == "exhausted" and self.next < len(self.trial.candidates):
            reason = "group"
        self.reason = reason

    def finish(self):
        say("searched", reason=self.reason, next=self.next, tried=self.done, test_seconds=self.test_seconds)

    @staticmethod
    def dead(child):
        done, status = os.waitpid(child.pid, os.WNOHANG)
        if done:
            child.status = status
            os.close(child.read_end)
        return bool(done)

    def stopped(self):
        """Past the candidates that are still looked at after the first good one."""
        more = self.request["group_extra"]
        if more is not None and self.first_group is not None and self.next > 3 * self.first_group + more:
            return True
        if self.first_plausible is None:
            return False
        # Not longer than it took to find the first one, more or less.
        looked = time.monotonic() - self.found_at
        return self.next > self.first_plausible + self.request["extra"] or looked > 6.0 + self.found_at - self.began

    def dispatch(self):
        while len(self.flying) < self.workers:
            if self.retry:
                index, how = self.retry.pop(0), "cold"
            elif self.next < len(self.trial.candidates) and not self.stopped():
                index = self.next
                how = "warm" if self.trial.candidates[index]["s"] >= 0 and not self.request["all_cold"] else "cold"
                self.next += 1
            else:
                return
            if self.cold_started == "everything":
                how = "cold"
            if how == "cold" and not self.cold_started:
                self.start_cold(everything=False)
            self.flying[index] = how
            os.write(self.queues[how][1], INDEX.pack(index))

    def start_cold(self, everything):
        self.cold_started = "everything" if everything else True
        self.bases.append(Child(lambda send: cold_base(self.trial, self.queues)))
        if everything:
            for index in [i for i, how in self.flying.items() if how == "warm"]:
                self.flying[index] = "cold"
                os.write(self.queues["cold"][1], INDEX.pack(index))

    def receive(self, seconds):
        ready, _, _ = select.select([self.trial.results_read], [], [], seconds)
        if not ready:
            return
        self.buffer += os.read(self.trial.results_read, 1 << 16)
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            self.note(json.loads(line))

    def note(self, result):
        if "ready" in result:
            self.warm_ready = True
            say("ready", seconds=time.monotonic() - self.began)
            return
        if "driver_error" in result:
            say("driver_error", text=result["driver_error"])
            return
        index = result["i"]
        if self.flying.pop(index, None) is None:
            return
        if result["r"] == "cold":
            self.retry.append(index)
            return
        self.done += 1
        self.test_seconds += result.get("t", 0.0)
        if result["r"] == "plausible" and (self.first_plausible is None or index < self.first_plausible):
            self.first_plausible = index
            self.found_at = self.found_at or time.monotonic()
        if result["r"] == "group" and (self.first_group is None or index < self.first_group):
            self.first_group = index
        say("tried", **result)


def warm_base(trial, queues):
    """Collects once, then forks the warm workers, each of which is a copy of this process."""
    side = choose_side(trial.request.get("framework"), trial.request["arguments"], True)

    def body():
        loaded = Loaded()
        gc.collect()
        gc.freeze()
        write_all(trial.results_write, b'{"ready":"warm"}\n')
        fork_workers(trial, queues["warm"][0], lambda index: WarmAttempt(trial, side, loaded, index).judge())

    side.session(body, trial.request["lenient"])


def cold_base(trial, queues):
    """Imports what is not the project's own, then forks the cold workers."""
    side = choose_side(trial.request.get("framework"), trial.request["arguments"], True)
    for name in trial.request["preload"]:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    fork_workers(trial, queues["cold"][0], lambda index: ColdAttempt(trial, side, index).judge())


def fork_workers(trial, queue, judge):
    children = []
    for _ in range(trial.request["workers"]):
        pid = os.fork()
        if pid == 0:
            try:
                work_through(trial, queue, judge)
            finally:
                os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)


def work_through(trial, queue, judge):
    while True:
        data = os.read(queue, INDEX.size)
        if len(data) < INDEX.size:
            return
        index = INDEX.unpack(data)[0]
        try:
            result = judge(index)
        except Exception:
            write_all(trial.results_write, json.dumps({"driver_error": traceback.format_exc()[-1500:]}).encode() + b"\n")
            result = {"r": "crash"}
        result["i"] = index
        write_all(trial.results_write, json.dumps(result, separators=(",", ":")).encode() + b"\n")


class Attempt:
    """One candidate: the telling tests first, then the other failing ones, then those that pass on the base."""

    def __init__(self, trial, side, index):
        self.trial, self.side = trial, side
        self.candidate = trial.candidates[index]
        self.path = trial.paths[self.candidate["f"]]
        self.source = trial.sources[self.candidate["f"]]
        self.test_seconds = 0.0
        self.signature = ""

    def judge(self):
        plan = self.trial.plans[self.candidate["p"]]
        try:
            passed = self.stage(plan["first"], stop_at_failure=False)
            result = {"r": "fail", "g": [n for n in plan["first"] if passed.get(n)]}
            if "special" in passed:
                result["r"] = passed["special"]
            if result["g"]:
                rest = self.stage(plan["failing"], stop_at_failure=False)
                result["g"] += [n for n in plan["failing"] if rest.get(n)]
                held = self.stage(plan["passing"], stop_at_failure=True)
                broken = [n for n in plan["passing"] if held.get(n) is False]
                if "special" in held or broken:
                    result.update(r="breaks", b=broken[:1])
                elif len(result["g"]) == len(plan["first"]) + len(plan["failing"]):
                    # The change may reach targets that did not run these lines before.
                    others = self.stage(plan["others"], stop_at_failure=False)
                    more = [n for n in plan["others"] if others.get(n)]
                    result["g"] += more
                    result["r"] = "plausible" if len(more) == len(plan["others"]) else "group"
                else:
                    result["r"] = "partial"
        except NeedsImport:
            return {"r": "cold"}
        result["t"] = round(self.test_seconds, 6)
        result["s"] = self.signature
        result["g"] = result["g"][:200]
        return result

    def stage(self, numbers, stop_at_failure):
        """Runs tests in a child under the candidate; {number: passed} of those that came to an end."""
        if not numbers:
            return {}
        trial, outcome = self.trial, {}
        by_name = {trial.tests[n]: n for n in numbers}
        wall = 2.0 + sum(3.0 * trial.limit(n) for n in numbers)

        def work(send):
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, 2.0 + trial.request["import_seconds"] * 5)
            try:
                self.install()
            except NeedsImport:
                send({"cold": True})
                return
            except (SyntaxError, ValueError):
                send({"special": "compile"})
                return

            def before(name):
                signal.setitimer(signal.ITIMER_PROF, trial.limit(by_name.get(name, 0)))

            def after(record):
                signal.setitimer(signal.ITIMER_PROF, 0)
                ok = record["outcome"] == "passed"
                sign = ""
                if not ok:
                    sign = signature(record.get("kind"), record.get("message"), record.get("frames"))
                send([by_name[record["id"]], ok, record["seconds"], sign])
                return ok or not stop_at_failure

            self.execute([trial.tests[n] for n in numbers], before, after)

        child = Child(work, trial.request["memory_bytes"], SCRATCH)
        deadline = time.monotonic() + wall
        signs = []
        for record in child.records(lambda: deadline):
            if isinstance(record, dict):
                if "cold" in record:
                    child.end()
                    raise NeedsImport()
                outcome["special"] = record.get("special", "crash")
                continue
            number, ok, seconds, sign = record
            outcome[number] = ok
            self.test_seconds += seconds
            signs.append(sign)
        status = child.end()
        if os.WIFSIGNALED(status) and "special" not in outcome:
            outcome["special"] = "hang" if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGKILL) else "crash"
        if not self.signature:
            self.signature = hashlib.sha1(",".join(signs).encode()).hexdigest()[:8]
        return outcome


class WarmAttempt(Attempt):
    def __init__(self, trial, side, loaded, index):
        super().__init__(trial, side, index)
        self.loaded = loaded

    def install(self):
        scope = self.trial.scopes[self.candidate["s"]]
        self.loaded.swap(scope, self.path, self.source, self.candidate["e"])

    def execute(self, names, before, after):
        self.side.run(names, before, after)


class ColdAttempt(Attempt):
    def install(self):
        changed = apply_edits(self.source, self.candidate["e"])
        compile(changed, self.path, "exec", dont_inherit=True)
        override_source(self.path, changed)

    def execute(self, names, before, after):
        paths = []
        for name in names:
            path = self.side.file_of(name)
            if path is not None and path not in paths:
                paths.append(path)
        whole = [n for n in names if n in self.trial.request["collections"]]
        self.side.session(lambda: self.run_collected(names, whole, before, after), self.trial.request["lenient"],
                          paths or None)

    def run_collected(self, names, whole, before, after):
        """A target that is a whole file (it could not be collected) is green when all of its tests are."""
        broken = {e["id"] for e in self.side.errors}
        for name in whole:
            record = {"id": name, "outcome": "passed", "seconds": 0.0}
            if name in broken:
                record.update(outcome="failed", kind="CollectError")
            else:
                inside = [t for t in self.side.items if self.belongs(t, name)]
                count = {"bad": 0, "all": 0}

                def note(result, count=count):
                    signal.setitimer(signal.ITIMER_PROF, 0)
                    count["all"] += 1
                    count["bad"] += result["outcome"] == "failed"
                    return count["bad"] == 0

                self.side.run(inside, lambda n: signal.setitimer(signal.ITIMER_PROF, 10.0), note)
                if count["bad"] or not count["all"]:
                    record.update(outcome="failed", kind="TestsFail", message=str(count["bad"]))
            if not after(record):
                return
        self.side.run([n for n in names if n not in whole], before, after)

    @staticmethod
    def belongs(test, name):
        return test.startswith(name + "::") or test.startswith(name + ".") or test.split(".")[0] == name
