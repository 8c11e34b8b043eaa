"""Studies behind the theory notes, one a note."""
