"""Is what backward gives the gradient of the cost? Two-sided differences in float64 say, for any torch module."""
