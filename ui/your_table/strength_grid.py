"""The strengths of a mechanism on the page, in log-odds per SD."""

import numpy as np

WIDEST, STEP = 2.0, 0.2
"""The largest strength and the step between two."""
GRID = [round(each, 1) + 0.0 for each in np.arange(-WIDEST, WIDEST + STEP / 2, STEP).tolist()]
"""For all of them a curve is computed at once. Adding 0 makes −0 a 0."""
