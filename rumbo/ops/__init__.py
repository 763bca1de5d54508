"""What several parts need, once."""
