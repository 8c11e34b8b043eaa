"""Omniglot's training alphabets by rows, and the reduction of its drawings."""

from __future__ import annotations

import numpy as np

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


def area_average(ink: np.ndarray, size: int) -> np.ndarray:
    """Square bool drawing reduced to (size, size) uint8, 255 = all ink, by exact area means."""
    old = len(ink)
    edges = np.arange(size + 1) * (old / size)
    left, right = edges[:-1, None], edges[1:, None]
    cells = np.arange(old)
    overlap = np.clip(np.minimum(right, cells + 1) - np.maximum(left, cells), 0, None)
    overlap /= old / size
    return np.rint(255 * (overlap @ ink.astype(float) @ overlap.T)).astype(np.uint8)
