"""A program for torchrun: `rumbo` with the words given, whose process 1 dies in step 8 of its first life."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))  # where pytest would look, too

from rank_jobs import dies

from rumbo.cli.main import main

if __name__ == "__main__":
    if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        dies(1, 8, signal.SIGKILL, int(os.environ["RANK"]))
    sys.exit(main(sys.argv[1:]))
