"""`python docs/build.py`: build the site and report its faults."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.documentation import site


def main() -> None:
    """Build the site; exit with status 1 if it has faults."""
    parser = argparse.ArgumentParser(description="Build the documentation as a site.")
    parser.add_argument("--out", type=Path, default=Path("site"), help="folder; default: site")
    out = parser.parse_args().out.resolve()
    faults = site.build(out)
    if faults:
        sys.exit("\n".join(faults))
    print(f"wrote {out / 'index.html'}")


if __name__ == "__main__":
    main()
