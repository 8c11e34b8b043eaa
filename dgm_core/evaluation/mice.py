"""Multiple imputation by R's package mice, where R and mice are installed, for comparison.

One R process completes many tables, because loading mice takes longer than a small table.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from typing import IO

import numpy as np
from numpy.typing import NDArray

METHODS = ("norm", "pmm")

# Requests: five integers N, D, m, seed, position of the method; then N × D numbers by columns.
PROGRAM = """
suppressMessages(library(mice))
requests <- file("stdin", "rb")
answers <- pipe("cat", "wb")
while (length(head <- readBin(requests, "integer", 5)) == 5) {
  x <- matrix(readBin(requests, "double", head[1] * head[2]), head[1])
  x[is.nan(x)] <- NA
  completed <- mice(as.data.frame(x), m = head[3], method = c("norm", "pmm")[head[5]],
                    seed = head[4], printFlag = FALSE)
  for (j in seq_len(head[3])) writeBin(as.vector(as.matrix(complete(completed, j))), answers)
  flush(answers)
}
"""


def is_installed() -> bool:
    """Whether R with the package mice is on this machine."""
    if (rscript := shutil.which("Rscript")) is None:
        return False
    return not subprocess.run(
        [rscript, "-e", "library(mice)"], capture_output=True, check=False
    ).returncode


class Mice:
    """`mice` with its defaults, five rounds, in a process of its own.

    Args:
        method: of every column, one of `METHODS`.

    Raises:
        ValueError: an unknown method.
        OSError: R is not installed.
    """

    def __init__(self, method: str) -> None:
        if method not in METHODS:
            raise ValueError(f"expected a method among {[*METHODS]}, got {method!r}")
        if (rscript := shutil.which("Rscript")) is None:
            raise OSError("R is not installed (Debian: r-base-core and r-cran-mice)")
        self.number = METHODS.index(method) + 1
        command: Sequence[str] = (rscript, "--vanilla", "-e", PROGRAM)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def __call__(self, table: NDArray, m: int, seed: int) -> NDArray:
        """A table (N, D), NaN = missing, completed m times: (m, N, D).

        Raises:
            RuntimeError: mice could not complete the table.
        """
        requests, answers = self._pipes()
        head = np.array([*table.shape, m, seed, self.number], np.int32)
        requests.write(head.tobytes() + table.astype(np.float64).tobytes("F"))
        requests.flush()
        size = m * table.size * 8
        if len(content := answers.read(size)) < size:
            raise RuntimeError("mice could not complete the table")
        completed = np.frombuffer(content).reshape(m, *table.shape[::-1])
        return completed.transpose(0, 2, 1)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout

    def close(self) -> None:
        """End the process."""
        for pipe in self._pipes():
            pipe.close()
        self.process.wait()


@cache
def mice(method: str) -> Mice:
    """The process of a method, started once; it ends with this process."""
    found = Mice(method)
    atexit.register(found.close)
    return found
