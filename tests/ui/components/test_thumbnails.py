"""A choice sent by the browser is accepted only if it is valid."""

import pytest

from ui.components.thumbnails import parse


def test_a_valid_choice_is_accepted() -> None:
    assert parse({"set": "mnist all", "index": 3, "click": 1}, "mnist all", 24) == 3


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        "3",
        [],
        {},
        {"set": "other", "index": 3},
        {"set": "mnist all"},
        {"set": "mnist all", "index": -1},
        {"set": "mnist all", "index": 24},
        {"set": "mnist all", "index": 1.0},
        {"set": "mnist all", "index": True},
        {"set": "mnist all", "index": "3"},
    ],
    ids=str,
)
def test_anything_else_is_ignored(value: object) -> None:
    assert parse(value, "mnist all", 24) is None
