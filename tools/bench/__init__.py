"""Speed as a visitor meets it: the inpainting lab in a real browser beside a bare Streamlit app.

`python -m dgm_core bench page`, or `python -m tools.bench`. Both apps run on servers of their own,
in turns, so that what is stated are differences and ratios within one run.
"""
