"""The `greenlight` command; `python -m greenlight` runs it as well.

An installed wheel has the command line as `greenlight.devkit`, a checkout as the top-level package `devkit`. The
Lambda layer has neither and is built without this file.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys


def main() -> int:
    """Run the command line and return its exit status."""
    installed = "greenlight.devkit"
    package = installed if importlib.util.find_spec(installed) else "devkit"
    status: int = importlib.import_module(f"{package}.cli.main").main()
    return status


if __name__ == "__main__":
    sys.exit(main())
