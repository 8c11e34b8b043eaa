"""What goes missing: masks as shapes, and processes that depend on the values."""
