"""The notes' equations in plain NumPy float64: the judge in tests, and a thing to learn from."""
