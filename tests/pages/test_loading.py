"""Labs show a shipped picture while torch is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.patience import PATIENCE
from ui import frame
from ui.navigation import PAGES

ROOT = Path(__file__).parents[2]
IMPORTS_NO_TORCH = """
import json, sys
from pathlib import Path

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ImportError

sys.meta_path.insert(0, NoTorch())
from streamlit.testing.v1 import AppTest

for page in sorted(Path("pages").glob("*.py")):
    app = AppTest.from_file("app.py", default_timeout=SECONDS).run().switch_page(str(page)).run()
    figures = [each.proto.id for each in app.get("bidi_component")]
    figures += [each.type for each in app.get("image")]
    captions = [each.value for each in app.caption]
    shown = [app.title[0].value, captions, figures, len(app.exception)]
    print(json.dumps(shown))
""".replace("SECONDS", str(PATIENCE))


def test_every_lab_shows_its_title_and_a_picture_before_torch_is_imported() -> None:
    command = [sys.executable, "-c", IMPORTS_NO_TORCH]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("[")]
    labs = [json.loads(line) for line in lines]
    assert len({title for title, *_ in labs}) == len(PAGES) - 1
    for title, captions, figures, exceptions in labs:
        assert exceptions == 1, title  # torch cannot be imported
        assert captions == ["The lab is loading …"], title
        assert [name for name in figures if "page bar" not in name], title


def test_the_picture_disappears_when_the_lab_is_there() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE).run()
    app = app.switch_page("pages/6_GAN_distances.py").run()
    assert not app.exception
    assert not any("loading" in each.value for each in app.caption)


def test_a_missing_picture_does_not_stop_a_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "_loaded", set())
    monkeypatch.setattr(frame, "HEAD_START", 0.0)

    def page() -> None:
        import streamlit as st

        from ui import frame

        def picture() -> None:
            raise FileNotFoundError("the picture")

        with frame.loading("any", picture):
            st.write("imported")

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert [each.value for each in app.markdown] == ["imported"]
