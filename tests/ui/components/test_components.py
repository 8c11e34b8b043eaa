"""Names of shared files of the components."""

import re
from pathlib import Path

import pytest

from ui.components import inline_component

COMPONENTS = Path(__file__).parents[3] / "ui" / "components"


def test_a_shared_name_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        inline_component(tmp_path, "theme", "nothing")


@pytest.mark.parametrize("path", sorted(COMPONENTS.glob("*/*.html")), ids=lambda path: path.stem)
def test_every_figure_has_a_text_before_it_is_drawn(path: Path) -> None:
    pictures = re.findall(r'<\w+[^>]*role="img"[^>]*>', path.read_text(encoding="utf-8"))
    assert [each for each in pictures if 'aria-label="' not in each] == []
