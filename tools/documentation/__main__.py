"""`python docs/build.py`: build the site and report what is wrong."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.documentation import site


def main() -> None:
    """Build the site; exit with status 1 if something is wrong with it."""
    parser = argparse.ArgumentParser(description="Build the documentation as a site.")
    parser.add_argument("--out", type=Path, default=Path("site"), help="folder; default: site")
    out = parser.parse_args().out.resolve()
    wrong = site.build(out)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"wrote {out / 'index.html'}")


if __name__ == "__main__":
    main()
