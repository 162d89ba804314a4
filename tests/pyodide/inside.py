"""What test_pyodide.py runs in the browser's Python: the core's tests, named as arguments to pytest."""

import sys

import pytest

assert sys.version_info[:2] == (3, 14), sys.version
assert sys.platform == "emscripten", sys.platform
sys.exit(int(pytest.main(sys.argv[1:])))
