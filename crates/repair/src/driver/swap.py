"""Part 4 of the driver: putting a changed function or a changed module in place of the old one."""


class NeedsImport(Exception):
    """The change can't be made in a loaded module: the module has to be imported anew."""


def apply_edits(source, edits):
    """`source` (bytes) with [[start, end, text], …] applied; the edits don't overlap."""
    for start, end, text in sorted(edits, reverse=True):
        source = source[:start] + text.encode("utf-8") + source[end:]
    return source


class Loaded:
    """The functions of the workspace that are alive in this process, by file, first line and name."""

    def __init__(self):
        self.functions = {}
        for thing in gc.get_objects():
            if type(thing) is types.FunctionType:
                self.add(thing)

    def add(self, function):
        code = function.__code__
        inside = relative(code.co_filename)
        if inside is not None:
            self.functions.setdefault((inside, code.co_firstlineno, code.co_name), []).append(function)

    def swap(self, scope, path, source, edits):
        """Gives the functions of one outermost definition the code of the changed source."""
        old = self.functions.get((path, scope["first"], scope["name"]))
        if not old:
            raise NeedsImport()
        new = compile_scope(scope, source, edits, old[0].__code__)
        self.replace(path, old[0].__code__, new)

    def replace(self, path, old, new):
        for function in self.functions.get((path, old.co_firstlineno, old.co_name), ()):
            if function.__code__ is not old and function.__code__ != old:
                continue
            if function.__code__.co_freevars != new.co_freevars:
                raise NeedsImport()
            function.__code__ = new
        inner_old = [c for c in old.co_consts if isinstance(c, types.CodeType)]
        inner_new = [c for c in new.co_consts if isinstance(c, types.CodeType)]
        if [c.co_name for c in inner_old] != [c.co_name for c in inner_new]:
            if any((path, c.co_firstlineno, c.co_name) in self.functions for c in inner_old):
                raise NeedsImport()
            return
        for before, after in zip(inner_old, inner_new):
            self.replace(path, before, after)


FUTURE_FLAGS = 0
for _feature in __import__("__future__").all_feature_names:
    FUTURE_FLAGS |= getattr(__import__("__future__"), _feature).compiler_flag


def compile_scope(scope, source, edits, like):
    """The code of one definition, compiled alone but at its own line and inside its own classes."""
    start, end = scope["start"], scope["end"]
    piece = apply_edits(source[start:end], [[a - start, b - start, t] for a, b, t in edits])
    headers = scope["headers"]
    padding = "\n" * (scope["first"] - 1 - len(headers))
    text = padding.encode() + "".join(h + "\n" for h in headers).encode() + piece + b"\n"
    code = compile(text, like.co_filename, "exec", like.co_flags & FUTURE_FLAGS, True)
    found = find_code(code, scope["first"], scope["name"])
    if found is None:
        raise NeedsImport()
    return found


def find_code(code, first, name):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_firstlineno == first and constant.co_name == name:
                return constant
            found = find_code(constant, first, name)
            if found is not None:
                return found
    return None


def override_source(path, source):
    """Lets every later import of the file see this source in place of what is on disk."""
    import importlib.machinery

    target = os.path.join(ROOT, path)
    loader = importlib.machinery.SourceFileLoader
    plain = loader.get_code

    def get_code(self, name):
        if os.path.realpath(self.get_filename(name)) == target:
            return compile(source, self.get_filename(name), "exec", dont_inherit=True)
        return plain(self, name)

    loader.get_code = get_code
