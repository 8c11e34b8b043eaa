"""Test app of the transport: a distribution with two modes, transported to a point.

Query parameters: at, the first point; true_value; and unit.
"""

import json

import numpy as np
import streamlit as st

from ui.components.transport import Distribution, transport


def distribution_of(entry: int, true_value: float | None = None) -> Distribution:
    """Weighted draws of a skewed distribution with its density; each cell has another one."""
    generator = np.random.default_rng(entry)
    proportions, centres, scales = (
        [0.68, 0.32],
        np.array([-0.7, 1.3]) * entry,
        np.array([0.42, 0.7]),
    )
    which = generator.choice(2, 300, p=proportions)
    values = generator.normal(centres[which], scales[which])
    weights = generator.gamma(2, size=300)
    weights /= weights.sum()
    order = values.argsort()
    half = np.searchsorted(weights[order].cumsum(), 0.5)
    grid = np.linspace(-4, 5, 241)
    humps = np.exp(-(((grid[:, None] - centres) / scales) ** 2) / 2) / scales
    return Distribution(
        values=values,
        weights=weights,
        mean=float(weights @ values),
        median=float(values[order][half]),
        true_value=true_value,
        low=-3.0,
        high=4.0,
        grid=grid,
        density=humps @ proportions / np.sqrt(2 * np.pi),
    )


def main() -> None:
    """A page built like the lab's: a copy of the point in the session, and a report."""
    memory, query = st.session_state, st.query_params
    memory.setdefault("entry", 1)
    memory.setdefault("point", float(query["at"]) if "at" in query else None)
    memory.runs = memory.get("runs", 0) + 1

    def count_call() -> None:
        memory.calls = memory.get("calls", 0) + 1

    if st.button("Other entry"):
        memory.entry, memory.point = 2, 0.5
    point = None
    if st.toggle("Show", value=True):
        point = transport(
            "transport",
            distribution_of(
                memory.entry, float(query["true_value"]) if "true_value" in query else None
            ),
            title="Alcohol, given the other entries",
            unit=query.get("unit", "SD"),
            at=memory.point,
            rev=memory.entry,
            on_change=count_call,
        )
    if point is not None:
        memory.point = point
    report = {"point": point, "calls": memory.get("calls", 0), "runs": memory.runs}
    st.html(f'<pre id="report" hidden>{json.dumps(report)}</pre>')


if __name__ == "__main__":
    main()
