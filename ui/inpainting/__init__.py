"""The inpainting lab: its picture, its mask, its views, and what a visitor takes home of it."""
