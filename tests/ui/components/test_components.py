"""Names of shared files of the components."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ui import streamlit_internals
from ui.components import inline_component

COMPONENTS = Path(__file__).parents[3] / "ui" / "components"


def test_a_shared_name_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        inline_component(tmp_path, "theme", "nothing")


def page() -> None:
    from ui.components.thumbnails import _COMPONENT

    _COMPONENT(key="pictures", data={"title": "two pictures"})


@pytest.mark.parametrize("runtime", [1, 2])  # each AppTest has its own
def test_a_message_holds_the_data_but_not_the_script(runtime: int) -> None:
    run = AppTest.from_function(page).run()
    assert not run.exception
    (sent,) = (each.proto for each in run.main if hasattr(each.proto, "js_content"))
    assert "two pictures" in sent.json + sent.mixed.json
    assert (sent.js_content, len(sent.css_content) > 0) == ("", True)
    served = Path(streamlit_internals._scripts().name, sent.js_source_path)
    assert "export default component(" in served.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(COMPONENTS.glob("*/*.html")), ids=lambda path: path.stem)
def test_every_figure_has_a_text_before_it_is_drawn(path: Path) -> None:
    pictures = re.findall(r'<\w+[^>]*role="img"[^>]*>', path.read_text(encoding="utf-8"))
    assert [each for each in pictures if 'aria-label="' not in each] == []
