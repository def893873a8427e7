# Compiles every Python file below the current directory in memory and prints what does not compile.
import os
import sys
import warnings

SKIP = {"node_modules", "target", "dist", "build", "vendor", "third_party", "venv", "site-packages",
        "__pycache__", "fixtures", "testdata"}
warnings.simplefilter("ignore")
bad = 0
for folder, below, files in os.walk("."):
    below[:] = sorted(d for d in below if d not in SKIP and not d.startswith("."))
    for name in sorted(files):
        if not name.endswith(".py"):
            continue
        path = os.path.relpath(os.path.join(folder, name))
        try:
            with open(path, "rb") as file:
                compile(file.read(), path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            bad += 1
            print("%s:%s: %s" % (path, getattr(error, "lineno", 0) or 0, getattr(error, "msg", error)))
        except (OSError, RecursionError, MemoryError):
            pass
sys.exit(1 if bad else 0)
