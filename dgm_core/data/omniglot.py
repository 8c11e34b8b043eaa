"""Omniglot's drawings → the arrays of `omniglot28.npz`, and its training alphabets by rows."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from dgm_core.data.folder import Fields

FIRST_ROWS = {
    "Alphabet_of_the_Magi": 0,
    "Anglo-Saxon_Futhorc": 400,
    "Arcadian": 980,
    "Armenian": 1500,
    "Asomtavruli_(Georgian)": 2320,
    "Balinese": 3120,
    "Bengali": 3600,
    "Blackfoot_(Canadian_Aboriginal_Syllabics)": 4520,
    "Braille": 4800,
    "Burmese_(Myanmar)": 5320,
    "Cyrillic": 6000,
    "Early_Aramaic": 6660,
    "Futurama": 7100,
    "Grantha": 7620,
    "Greek": 8480,
    "Gujarati": 8960,
    "Hebrew": 9920,
    "Inuktitut_(Canadian_Aboriginal_Syllabics)": 10360,
    "Japanese_(hiragana)": 10680,
    "Japanese_(katakana)": 11720,
    "Korean": 12660,
    "Latin": 13460,
    "Malay_(Jawi_-_Arabic)": 13980,
    "Mkhedruli_(Georgian)": 14780,
    "N_Ko": 15600,
    "Ojibwe_(Canadian_Aboriginal_Syllabics)": 16260,
    "Sanskrit": 16540,
    "Syriac_(Estrangelo)": 17380,
    "Tagalog": 17840,
    "Tifinagh": 18180,
}
"""Training alphabet → its first row in the whole set, which is sorted by alphabet, character and
drawer; each character has 20 drawers."""


class Drawings:
    """Collects drawings in the order of the rows."""

    def __init__(self) -> None:
        self._x28: list[np.ndarray] = []
        self._rows: list[tuple[int, int, int, bool]] = []
        self._alphabets: dict[str, int] = {}
        self._characters: dict[str, int] = {}

    def add(
        self, file: Path | IO[bytes], alphabet: str, character: str, drawer: int, evaluation: bool
    ) -> None:
        """Read a PNG file and append it.

        Args:
            file: black on white, square.
            alphabet: name of the alphabet.
            character: name of the character within the alphabet.
            drawer: number of the person who drew it.
            evaluation: is it a drawing of the evaluation set?
        """
        with Image.open(file, formats=["PNG"]) as image:
            ink = np.asarray(image.convert("L")) < 128
        self._x28.append(area_average(ink, 28))
        alphabet_id = self._alphabets.setdefault(alphabet, len(self._alphabets))
        name = f"{alphabet}/{character}"
        character_id = self._characters.setdefault(name, len(self._characters))
        self._rows.append((alphabet_id, character_id, drawer, evaluation))

    def fields(self) -> Fields:
        """The arrays: images (N, 28, 28) uint8, ids of each row, and the names by id."""
        alphabet_id, character_id, drawer, evaluation = np.array(self._rows).T
        return {
            "x28": np.stack(self._x28),
            "alphabet_id": alphabet_id.astype(np.uint8),
            "character_id": character_id.astype(np.uint16),
            "drawer": drawer.astype(np.uint8),
            "is_evaluation": evaluation.astype(np.uint8),
            "alphabet_names": np.array(list(self._alphabets)),
            "character_names": np.array(list(self._characters)),
        }


def area_average(ink: np.ndarray, size: int) -> np.ndarray:
    """Square bool drawing reduced to (size, size) uint8, 255 = all ink, by exact area means."""
    old = len(ink)
    edges = np.arange(size + 1) * (old / size)
    left, right = edges[:-1, None], edges[1:, None]
    cells = np.arange(old)
    overlap = np.clip(np.minimum(right, cells + 1) - np.maximum(left, cells), 0, None)
    overlap /= old / size
    return np.rint(255 * (overlap @ ink.astype(float) @ overlap.T)).astype(np.uint8)
