"""Inline components: each a folder of .html, .css and .js beside its Python face."""
