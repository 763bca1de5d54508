"""Dealing examples out to train, dev and test, so that nothing leaks."""
