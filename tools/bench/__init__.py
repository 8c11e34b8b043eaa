"""Benchmark of the inpainting lab in a real browser, compared with a minimal Streamlit app.

Run it with `python -m tools.bench`. Each app has its own server, and the measurements alternate.
The table therefore states differences and ratios within one run.
"""
