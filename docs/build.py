"""`python docs/build.py --out site`: build the documentation as a site.

The code is in `tools/documentation/`.
"""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout need not be installed
runpy.run_module("tools.documentation", run_name="__main__")
