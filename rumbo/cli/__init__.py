"""The command line: a verb parses, calls the `api` function of its name, prints. Help costs no heavy import."""
