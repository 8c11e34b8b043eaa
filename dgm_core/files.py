"""Files that are written completely or not at all.

>>> folder = Path(tempfile.mkdtemp())
>>> with written_whole(folder / "card.toml") as part:
...     _ = part.write_text("whole")
>>> [path.name for path in folder.iterdir()]
['card.toml']
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """A temporary path beside `target`, renamed onto it on success and removed on failure.

    The rename is atomic, so other processes see the complete old file or the complete new one.

    Raises:
        OSError: no space, no permission; names `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        part.replace(target)
    except OSError as error:
        error.filename = error.filename or str(target)
        raise
    finally:
        part.unlink(missing_ok=True)


def save_arrays(target: Path, arrays: Mapping[str, Any]) -> None:
    """Write named NumPy arrays as one compressed .npz file, completely or not at all.

    Raises:
        OSError: no space, no permission; names `target`.
    """
    import numpy as np

    with written_whole(target) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)
