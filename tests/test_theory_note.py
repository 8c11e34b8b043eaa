"""Code shown in a note is the code of the library."""

from __future__ import annotations

from dgm_core.bounds import iwae_bound
from ui.theory.note import excerpt


def test_an_excerpt_is_the_source_without_its_docstring() -> None:
    assert excerpt(iwae_bound) == (
        "def iwae_bound(log_w: Tensor) -> Tensor:\n"
        "    return torch.logsumexp(log_w, 0) - math.log(len(log_w))"
    )


def test_a_method_is_moved_to_the_left() -> None:
    class Two:
        def one(self) -> int:
            return 1

    assert excerpt(Two.one) == "def one(self) -> int:\n    return 1"
