"""The Streamlit side of the lab: the only package that imports streamlit or plotly."""
