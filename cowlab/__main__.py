"""python -m cowlab: the same as cowlab."""

from cowlab.cli import main

raise SystemExit(main())
