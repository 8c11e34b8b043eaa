"""The assumptions of a report in plain words."""

from __future__ import annotations

AT_RANDOM = (
    "Whether a value is missing depends on the values that are observed, and not on the missing "
    "value itself (missing at random). The table cannot show whether this is true."
)
METHODS = {
    "mean": "Each missing number is the mean of its column.",
    "kNN": "Rows that are alike in their observed values are alike in the missing ones.",
    "norm": "Each column is a linear function of the others plus normal noise.",
    "PMM": "A missing value resembles those of rows with a similar prediction by linear "
    "regression, so only observed values are filled in.",
    "CART": "A missing value resembles those of rows in the same leaf of a tree on the other "
    "columns.",
    "MFA": "The rows come from a mixture of a few normal distributions with few factors each; "
    "columns with constraints are transformed first.",
    "MIWAE": "The rows come from a neural network with few hidden variables.",
    "not-MIWAE": "The rows come from a neural network, and values go missing by the process that "
    "the user chose. This process was assumed, and not found in the table.",
    "IM-IWAE": "The rows come from a neural network with few hidden variables, and these decide "
    "what goes missing; given them, no value does. This was assumed, and not found in the "
    "table.",
}
"""Name of a method → what it assumes about the values."""
NOT_AT_RANDOM = ("not-MIWAE", "IM-IWAE")
"""Methods that assume a mechanism instead of `AT_RANDOM`."""
CONSTRAINTS = (
    "The allowed values of a column were guessed from its observed values and its name: whole "
    "numbers stay whole, and columns without negative numbers stay so."
)
INDEPENDENT_ROWS = (
    "The rows are independent of each other, and each is one case. If several rows belong to one "
    "person or place, intervals are too narrow."
)
HELD_OUT = (
    "The cells that are really missing resemble the known cells that were hidden for the test. If "
    "values are missing because of themselves, no test on known cells shows it."
)
CELLS = (
    "The errors of the histogram and of the coverage treat the hidden cells as independent; in "
    "fact cells of one row are not, so the real errors are somewhat larger."
)
RUBIN = (
    "The completed tables differ as much as the missing values are uncertain, and the estimate is "
    "about normally distributed (Rubin's rules)."
)
COMPLETE_CASES = (
    "The complete cases are a fair sample of all rows. This holds if values are missing "
    "completely at random; the section on what missingness goes with says whether they are."
)
REGRESSION = (
    "The mean of the target is a linear function of the features, and its scatter is the same "
    "everywhere."
)
SHIFT = (
    "All missing values of the column differ by the same δ from what values missing at random "
    "would be. The table cannot show which δ is true."
)
SHIFT_FROM_ASSUMED = (
    "All missing values of the column differ by the same δ from what the assumed mechanism gives. "
    "The table cannot show which δ is true."
)
STRENGTH = (
    "The log-odds that a value of the column is missing grow evenly with the value, beside what "
    "the observed values of the row say. The table cannot show which strength is true."
)
