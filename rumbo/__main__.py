"""`python -m rumbo` is the command line."""

from rumbo.cli.main import entry

if __name__ == "__main__":
    entry()
