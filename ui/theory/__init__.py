"""Theory notes with interactive figures, one module per note."""
