"""The glossary explains each of its terms, and finds them in titles and captions."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dgm_core.metrics import definitions
from ui import glossary
from ui.glossary import DEFINED, TERMS


@pytest.mark.parametrize("term", [*TERMS, *DEFINED])
def test_every_term_has_an_explanation_and_is_found_in_a_text(term: str) -> None:
    assert glossary.explain(term).endswith((".", ")"))
    text = "The RMSE, in standard deviations" if term.startswith("RMSE") else f"The {term}, here"
    assert term in glossary.terms_in(text)


def test_scores_are_explained_by_the_definitions_of_the_library() -> None:
    assert glossary.explain("F1") == definitions.DEFINITIONS["F1"]
    assert glossary.explain("RMSE in standard deviations") == definitions.TABLE_DEFINITIONS["RMSE"]
    assert glossary.explain("purity") == definitions.CLUSTERING_DEFINITIONS["Purity"]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Mean of 20 test images, nats", ("nats",)),
        ("Split R-hat and ESS", ("ESS", "R-hat")),
        ("Pareto k and the NLL", ("Pareto k", "NLL")),
        ("Critic score along the path", ("critic score",)),
        ("‖z‖ = 9.1, typical √L = 8", ("‖z‖",)),
        ("Highest purity: cluster 3", ("purity",)),
        ("Signatures of less, messages, RMSE of pixels", ()),
    ],
)
def test_terms_are_found_as_whole_words(text: str, terms: tuple[str, ...]) -> None:
    assert glossary.terms_in(text) == terms


def test_a_text_without_terms_has_no_hover() -> None:
    assert glossary.hover("Samples") is None


def page() -> None:
    from ui import figures, glossary

    figures.show("a", figures.empty("x", "y"), "Bounds, nats")
    glossary.caption("ESS 12 of 100")


def test_titles_and_captions_explain_their_terms() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.markdown[0].value == r"**Bounds\, nats**"
    assert app.markdown[0].help.startswith("**nats**: The unit")
    assert app.caption[0].help.startswith("**ESS**: Effective sample size")
