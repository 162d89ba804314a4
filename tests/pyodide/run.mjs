// Runs a Python program of this project in the Python that browsers run.
// usage: node run.mjs REPOSITORY PACKAGES PROGRAM [ARGUMENT...]
// REPOSITORY is seen as /project, PACKAGES as /packages.

import { loadPyodide } from "pyodide";

const [repository, packages, program, ...rest] = process.argv.slice(2);

const python = await loadPyodide({ env: { HOME: "/tmp", PYTHONDONTWRITEBYTECODE: "1" } });
for (const [name, root] of [["/project", repository], ["/packages", packages]]) {
  python.FS.mkdirTree(name);
  python.FS.mount(python.FS.filesystems.NODEFS, { root }, name);
}
python.globals.set("arguments", python.toPy([program, ...rest]));
process.exitCode = python.runPython(`
import os, runpy, sys, traceback

os.chdir("/project")
sys.path[:0] = ["/packages", "/project"]
sys.argv[:] = arguments
try:
    runpy.run_path(arguments[0], run_name="__main__")
    code = 0
except SystemExit as end:
    code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
except BaseException:
    traceback.print_exc()
    code = 1
code
`);
