"""Studies behind the theory notes, one per note."""
