"""Texts, sounds, series, strokes and volumes by row, and the formats that hold them."""
