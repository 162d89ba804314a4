"""Set up what `make lab` and `make test` need. Standard library only; every step may be repeated.

    prepare.py lab      .venv with the project and what the notebooks need
    prepare.py test     the same, with the test tools
    prepare.py helpers  a browser and Node.js for the tests

Versions come from requirements.lock. Only `helpers`, and the venv module on a bare Debian, may need
the system's package manager: as root it is used, and said; otherwise the command to type is printed.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWEST_KNOWN = 14
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "requirements.lock"
PYODIDE = ROOT / "tests" / "pyodide"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OLDEST_NODE = 18


def main():
    steps = {"lab": lab, "test": test, "helpers": helpers}
    if len(sys.argv) != 2 or sys.argv[1] not in steps:
        stop("usage: prepare.py " + "|".join(steps))
    use_new_python()
    steps[sys.argv[1]]()


def lab():
    make_venv()
    install(".")


def test():
    make_venv()
    install(".[test]")


def helpers():
    """What the tests drive besides Python. In CI (CI=true) a helper that is missing is an error."""
    missing = [why for why in (browser(), node(), dot()) if why]
    for why in missing:
        print("!! " + why, file=sys.stderr)
    if missing and os.environ.get("CI") == "true":
        stop("CI runs every test: the helpers above must be there")


# -- Python ----------------------------------------------------------------------------------------


def use_new_python():
    """Go on with a Python that is new enough, if this one is not."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(NEWEST_KNOWN, OLDEST[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)
        if found and quiet([found, "--version"]):
            os.execv(found, [found, *sys.argv])
    stop(
        "cowlab needs Python %d.%d or newer; this is %s.\n"
        "Install one, or name it: make PYTHON=python3.13 ..." % (*OLDEST, sys.version.split()[0])
    )


def make_venv():
    """A working .venv. One that an interrupted run left half made is made again."""
    usable = "import sys, pip; raise SystemExit(sys.version_info < %r)" % (OLDEST,)
    if quiet([PYTHON, "-c", usable]):
        return
    if importlib.util.find_spec("ensurepip") is None:
        package = "python%d.%d-venv" % sys.version_info[:2]
        if not apt_install(package):
            stop(
                "This Python cannot make virtual environments yet. On Debian and Ubuntu, type\n"
                "    sudo apt install %s\nand try again." % package
            )
    say("making " + VENV.name)
    run([sys.executable, "-m", "venv", "--clear", VENV])


def install(what):
    """The project, editable, with every version taken from the lock; its build tool from there too."""
    say("installing " + what + " (versions from " + LOCK.name + ")")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    pip += ["--constraint", LOCK]
    run([*pip, "hatchling"])
    run([*pip, "--no-build-isolation", "--editable", what])


# -- what is not Python ----------------------------------------------------------------------------


def browser():
    """'' once a browser is there, else what to do."""
    if find_browser():
        return ""
    # The fonts are those the pictures ask for: text is measured in the browser.
    if not apt_install("chromium", "fonts-dejavu-core", "fonts-liberation"):
        say("trying Playwright's own Chromium")
        quiet([PYTHON, "-m", "playwright", "install", "chromium"])
    if find_browser():
        return ""
    return (
        "No Chromium or Chrome: the browser tests will not run.\n"
        "   On Debian: sudo apt install chromium. On Ubuntu: sudo snap install chromium.\n"
        "   Or name one: COWLAB_BROWSER=/path/to/chrome make test"
    )


def find_browser():
    """The program to drive: the one that is named, else an installed one, else Playwright's; or None."""
    for name in (os.environ.get("COWLAB_BROWSER"), *BROWSERS):
        if name and shutil.which(name):
            return shutil.which(name)
    question = (
        "from playwright.sync_api import sync_playwright as start\nwith start() as p: print(p.chromium.executable_path)"
    )
    own = output([PYTHON, "-c", question]) if PYTHON.exists() else ""
    return own if own and Path(own).exists() else None


def dot():
    """'' once the program `dot` is there, else what to do."""
    if shutil.which("dot") or apt_install("graphviz"):
        return ""
    return "No `dot`: graphs are tested with the packaged renderers only.\n   On Debian: sudo apt install graphviz"


def node():
    """'' once Node.js and the locked Pyodide are there, else what to do."""
    if not (shutil.which("node") and shutil.which("npm")):
        apt_install("nodejs", "npm")
    version = output(["node", "--version"]) if shutil.which("node") else ""
    if not shutil.which("npm") or int((version or "v0").lstrip("v").split(".")[0]) < OLDEST_NODE:
        return (
            "No Node.js %d or newer with npm: the core will not be tested in a browser's Python.\n"
            "   On Debian: sudo apt install nodejs npm" % OLDEST_NODE
        )
    wanted = json.loads((PYODIDE / "package.json").read_text())["dependencies"]["pyodide"]
    installed = PYODIDE / "node_modules" / "pyodide" / "package.json"
    if not installed.exists() or json.loads(installed.read_text())["version"] != wanted:
        say("installing pyodide " + wanted)
        run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=PYODIDE)
    return ""


def apt_install(*packages):
    """Debian's packages, where we are root. Returns whether they are installed now."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")):
        return False
    say("as root: apt-get install " + " ".join(packages))
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]
    for command in (["apt-get", "-qq", "update"], install):
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        print(done.stdout.decode(errors="replace"), file=sys.stderr)
    return done.returncode == 0


# -- small things ----------------------------------------------------------------------------------


def say(text):
    print("== " + text, flush=True)


def stop(text):
    sys.exit(text)


def run(command, cwd=ROOT):
    done = subprocess.call([str(part) for part in command], cwd=str(cwd))
    if done != 0:
        stop("stopped: `%s` failed" % " ".join(str(part) for part in command))


def quiet(command):
    """Whether the command can be run and succeeds; what it says is nobody's business."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.call([str(part) for part in command], **silent) == 0
    except OSError:
        return False


def output(command):
    command = [str(part) for part in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode().strip()


if __name__ == "__main__":
    main()
