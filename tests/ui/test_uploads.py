"""Uploads are read once, and an invalid one does not replace a valid one."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def visit() -> None:
    import streamlit as st

    from ui import intake, uploads

    def read() -> str:
        st.session_state["times"] = st.session_state.get("times", 0) + 1
        if st.session_state["file"] == "bad":
            raise intake.BadUpload("No picture.")
        return st.session_state["file"].upper()

    file = st.session_state.get("file")
    kept = uploads.read_once("place", file, None if file is None else read)
    st.caption(f"{kept.content} {kept.revision}")


def test_a_file_is_read_once_and_the_last_valid_one_is_kept() -> None:
    app = AppTest.from_function(visit).run()
    seen = []
    for file in (None, "a", "a", "bad", "bad", None, "b"):
        app.session_state["file"] = file
        app.run()
        assert not app.exception
        *stays, content = [each.value for each in app.caption]
        problems = [error.value for error in app.error]
        assert stays == (["The previous file is still in use."] if problems else [])
        seen.append((content, problems))
    assert seen == [
        ("None 0", []),
        ("A 1", []),
        ("A 1", []),
        ("A 1", ["No picture."]),
        ("A 1", ["No picture."]),
        ("A 1", []),
        ("B 2", []),
    ]
    assert app.session_state["times"] == 3


def test_without_an_earlier_file_only_the_problem_is_shown() -> None:
    app = AppTest.from_function(visit)
    app.session_state["file"] = "bad"
    app.run()
    assert [error.value for error in app.error] == ["No picture."]
    assert [each.value for each in app.caption] == ["None 0"]
