"""Pages and program interfaces over HTTP, for this machine alone."""
