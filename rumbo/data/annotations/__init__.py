"""Boxes, masks and outlines as files have them, brought into the upright picture and sorted out."""
