"""Short notes with live figures: a module for each."""
