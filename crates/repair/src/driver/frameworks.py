"""Part 2 of the driver: pytest and unittest behind one face.

Each side collects all tests once, in this process, and can then run any of them in any order. A
record of one test is a dict: id, outcome (passed, failed, skipped), seconds, and for a failure kind,
message and frames.
"""


def choose_side(wanted, arguments, fast):
    """The side that was asked for, else pytest where it can be imported, else unittest."""
    if wanted == "unittest" or (wanted is None and importlib.util.find_spec("pytest") is None):
        return UnittestSide(arguments)
    return PytestSide(arguments, fast)


class PytestSide:
    """Runs inside a pytest session, in place of its own loop over the tests."""

    name = "pytest"
    scratch = tempfile.gettempdir()

    def __init__(self, arguments, fast):
        import pytest

        self.pytest = pytest
        self.version = pytest.__version__
        self.arguments = list(arguments)
        self.fast = fast
        self.items, self.errors = {}, []
        self.record, self.body, self.reached = None, None, False

    def options(self, lenient):
        words = ["-q", "-s", "--continue-on-collection-errors", "-o", "cache_dir=" + os.path.join(self.scratch, "cache")]
        if lenient:
            words += ["-o", "addopts="]
        if self.fast:
            words += ["--assert=plain"]
        for module, extra in (
            ("pytest_cov", ["--no-cov"]),
            ("xdist", ["-n0"]),
            ("pytest_randomly", ["-p", "no:randomly"]),
            ("pytest_benchmark", ["--benchmark-disable"]),
            ("hypothesis", ["--hypothesis-seed=0"]),
        ):
            if importlib.util.find_spec(module) is not None:
                words += extra
        return words

    def session(self, body, lenient=False, paths=None):
        """Collects and then calls `body`; False if pytest refused to begin."""
        self.items, self.errors, self.body, self.reached = {}, [], body, False
        words = self.options(lenient) + (list(paths) if paths is not None else self.arguments)
        self.pytest.main(words, plugins=[self.plugin()])
        return self.reached

    def plugin(self):
        side, hookimpl = self, self.pytest.hookimpl
        skips = tuple(
            kind for kind in (getattr(self.pytest.skip, "Exception", None), __import__("unittest").SkipTest) if kind
        )

        class Plugin:
            @hookimpl(tryfirst=True)
            def pytest_runtestloop(self, session):
                side.reached = True
                for item in session.items:
                    side.items.setdefault(item.nodeid, item)
                side.body()
                return True

            def pytest_collectreport(self, report):
                if report.failed:
                    side.errors.append(side.collection_error(report))

            @hookimpl(tryfirst=True)
            def pytest_exception_interact(self, node, call, report):
                if call.excinfo is not None and not hasattr(node, "runtest"):
                    report.aamas_error = call.excinfo.value

            @hookimpl(tryfirst=True)
            def pytest_runtest_makereport(self, item, call):
                kept = getattr(item, "_excinfo", None)
                if call.excinfo is None and kept:
                    # unittest's tests keep their error aside.
                    call.excinfo = kept.pop(0)
                if call.excinfo is None or isinstance(call.excinfo.value, skips):
                    return None
                error = call.excinfo.value
                if side.record is not None and "kind" not in side.record:
                    side.record.update(kind=type(error).__name__, message=shown(error), frames=frames_of(error))
                if not side.fast:
                    return None
                return side.pytest.TestReport(
                    item.nodeid, item.location, dict.fromkeys(item.keywords, 1), "failed", "failed", call.when,
                    duration=call.duration, start=call.start, stop=call.stop,
                )

            def pytest_runtest_logreport(self, report):
                record = side.record
                if record is None:
                    return
                if report.failed:
                    record["outcome"] = "failed"
                elif report.skipped and record["outcome"] != "failed":
                    record["outcome"] = "skipped"

        return Plugin()

    @staticmethod
    def collection_error(report):
        error = getattr(report, "aamas_error", None)
        text = str(report.longrepr)
        if error is not None:
            kind, frames = type(error).__name__, frames_of(error)
            cause = error.__cause__ or error.__context__
            if kind in ("CollectError", "ConftestImportFailure") and cause is not None:
                kind = type(cause).__name__
        else:
            found = re.findall(r"^E\s+([A-Za-z_.]*(?:Error|Exception)\w*)", text, re.M)
            kind, frames = (found[-1].split(".")[-1] if found else "CollectError"), []
        if kind == "CollectError":
            found = re.findall(r"^E?\s*([A-Za-z_.]*(?:Error|Exception)\w*):", text, re.M)
            kind = found[-1].split(".")[-1] if found else kind
        if not frames:
            for path, line in re.findall(r"^(\S+\.py):(\d+)", text, re.M):
                inside = relative(os.path.join(ROOT, path))
                if inside:
                    frames.append([inside, int(line), "<module>"])
            for path, line in re.findall(r'File "([^"]+)", line (\d+)', text):
                inside = relative(path)
                if inside:
                    frames.append([inside, int(line), "<module>"])
        return {
            "id": report.nodeid, "outcome": "failed", "seconds": 0.0, "kind": kind, "collection": True,
            "message": text[-MESSAGE_LIMIT:], "frames": frames,
        }

    def tests(self):
        """(id, file, line) of every collected test, in the framework's own order."""
        found = []
        for nodeid, item in self.items.items():
            path, line, _ = item.location
            found.append([nodeid, relative(os.path.join(str(item.config.rootdir), path)) or path, (line or 0) + 1])
        return found

    def run(self, ids, before, after):
        """Runs tests in this order until `after(record)` is false."""
        items = [self.items[i] for i in ids if i in self.items]
        for number, item in enumerate(items):
            following = items[number + 1] if number + 1 < len(items) else None
            self.record = {"id": item.nodeid, "outcome": "passed"}
            before(item.nodeid)
            began = time.perf_counter()
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            except BaseException as error:
                self.record.update(outcome="failed", kind=type(error).__name__, message=shown(error),
                                   frames=frames_of(error))
            record, self.record = self.record, None
            record["seconds"] = time.perf_counter() - began
            if not after(record):
                return

    def file_of(self, test):
        return test.split("::", 1)[0]


class UnittestSide:
    """Loads the tests the way `python -m unittest discover` does."""

    name = "unittest"

    def __init__(self, arguments):
        import unittest

        self.unittest = unittest
        self.version = "%d.%d" % sys.version_info[:2]
        self.arguments = list(arguments)
        self.items, self.errors = {}, []

    def session(self, body, lenient=False, paths=None):
        self.items, self.errors = {}, []
        for start in self.starts():
            self.load(start)
            if self.items or self.errors:
                break
        body()
        return True

    def starts(self):
        if self.arguments:
            return self.arguments
        return ["."] + [f for f in ("tests", "test") if os.path.isdir(f)]

    def load(self, start):
        loader = self.unittest.TestLoader()
        try:
            suite = loader.discover(start, top_level_dir=None if start != "." else ".")
        except ImportError:
            return
        for test in flat(suite):
            if type(test).__name__ in ("_FailedTest", "ModuleImportFailure", "LoadTestsFailure"):
                self.errors.append(self.load_error(test))
            else:
                self.items.setdefault(test.id(), test)

    @staticmethod
    def load_error(test):
        error = getattr(test, "_exception", None)
        name = test.id().split(".")[-1] if "_FailedTest" in test.id() else test.id()
        text = shown(error)
        frames = []
        for path, line in re.findall(r'File "([^"]+)", line (\d+)', str(error)):
            inside = relative(path)
            if inside:
                frames.append([inside, int(line), "<module>"])
        kinds = re.findall(r"^(\w*(?:Error|Exception))\b", str(error), re.M)
        return {
            "id": name, "outcome": "failed", "seconds": 0.0, "kind": kinds[-1] if kinds else type(error).__name__,
            "message": text[-MESSAGE_LIMIT:], "frames": frames, "collection": True,
        }

    def tests(self):
        found = []
        for name, test in self.items.items():
            path, line = "", 1
            with contextlib.suppress(Exception):
                path = relative(sys.modules[type(test).__module__].__file__) or ""
                method = getattr(type(test), test._testMethodName)
                line = method.__code__.co_firstlineno
            found.append([name, path, line])
        return found

    def run(self, ids, before, after):
        side, state = self, {"stop": False}

        class Result(self.unittest.TestResult):
            def __init__(self):
                super().__init__()
                self.record, self.began = None, 0.0

            def startTest(self, test):
                super().startTest(test)
                self.record = {"id": test.id(), "outcome": "passed"}
                before(test.id())
                self.began = time.perf_counter()

            def note(self, error):
                if self.record is None:
                    return
                self.record["outcome"] = "failed"
                if "kind" not in self.record and error[1] is not None:
                    self.record.update(kind=error[0].__name__, message=shown(error[1]), frames=frames_of(error[1]))

            def addError(self, test, error):
                if self.record is None:
                    # A class or module fixture failed: every test under it counts as failed.
                    state["fixture"] = dict(kind=error[0].__name__, message=shown(error[1]), frames=frames_of(error[1]))
                self.note(error)

            def addFailure(self, test, error):
                self.note(error)

            def addSubTest(self, test, subtest, error):
                if error is not None:
                    self.note(error)

            def addUnexpectedSuccess(self, test):
                self.record["outcome"] = "failed"

            def addExpectedFailure(self, test, error):
                self.record["outcome"] = "skipped"

            def addSkip(self, test, reason):
                if self.record is not None and self.record["outcome"] != "failed":
                    self.record["outcome"] = "skipped"

            def stopTest(self, test):
                super().stopTest(test)
                record, self.record = self.record, None
                record["seconds"] = time.perf_counter() - self.began
                state["done"].add(record["id"])
                if not after(record):
                    state["stop"] = True
                    self.stop()

        state["done"] = set()
        result = Result()
        wanted = [i for i in ids if i in self.items]
        suite = self.unittest.TestSuite(self.items[i] for i in wanted)
        suite._cleanup = False
        suite.run(result)
        if not state["stop"] and "fixture" in state:
            for name in wanted:
                if name not in state["done"]:
                    if not after(dict(state["fixture"], id=name, outcome="failed", seconds=0.0)):
                        return

    def file_of(self, test):
        return None


def flat(suite):
    """The tests of nested suites, in order."""
    for part in suite:
        if hasattr(part, "__iter__"):
            yield from flat(part)
        elif part is not None:
            yield part
