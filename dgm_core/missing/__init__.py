"""What goes missing: masks as shapes, and (later) processes that depend on the values."""
