"""The process that decodes for a scan: `python -m … LANGUAGE GIB`, pictures in, answers out."""

import json
import os
import sys
from typing import IO, Any

from rumbo.core.messages import use_language
from rumbo.data.pictures.decode import BadImage, decode
from rumbo.data.pictures.scan import HEADER


def main(spoken: str, memory_gib: float) -> None:
    """Answer each picture with its facts or the reason why it is bad, until the input ends."""
    use_language(spoken)
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr  # nothing that a decoder prints may get between the answers
    _limit_memory(memory_gib)
    _say(outgoing, {"ready": True})
    while len(size := incoming.read(HEADER.size)) == HEADER.size:
        data = incoming.read(HEADER.unpack(size)[0])
        _say(outgoing, _answer(data))


def _answer(data: bytes) -> dict[str, Any]:
    try:
        pixels = decode(data)
    except BadImage as problem:
        return {"reason": str(problem)}
    return {"facts": {"height": pixels.shape[0], "width": pixels.shape[1], "grey": pixels.ndim == 2}}


def _say(pipe: "IO[bytes]", answer: dict[str, Any]) -> None:
    text = json.dumps(answer).encode()
    pipe.write(HEADER.pack(len(text)) + text)
    pipe.flush()


def _limit_memory(gib: float) -> None:
    """Bound the address space to what is used now and so much more, where the system knows such limits."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):  # not Linux: the limit of time and the processes stay
        return
    limit = used + int(gib * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
