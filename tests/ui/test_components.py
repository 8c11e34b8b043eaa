"""What inline components share is named rightly."""

from pathlib import Path

import pytest

from ui.components import inline_component


def test_a_shared_name_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        inline_component(tmp_path, "theme", "nothing")
