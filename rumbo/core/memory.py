"""Whether an error says that memory is short, in whichever words; nothing heavy is imported for it."""

import re

from rumbo.core.messages import t

SIGNS = ("can't allocate memory", "not enough memory", "std::bad_alloc", "could not create a primitive")
"""Words of torch's allocator for the CPU, of C++, and of oneDNN, which cannot make a kernel's workspace."""


def memory_short(error: BaseException) -> str | None:
    """How much memory was asked for in vain, as text for people; None for every other error.

    Beside Python's own error and those with the words of `SIGNS` it knows torch's for a GPU, by its name.

    >>> memory_short(RuntimeError("can't allocate memory: you tried to allocate 536870912 bytes"))
    '512 MiB'
    """
    text = str(error)
    has_class = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if not has_class and not any(sign in text for sign in SIGNS):
        return None
    if met := re.search(r"allocate ([\d.]+ [KMGT]iB)", text):
        return met[1]
    met = re.search(r"allocate (\d+) bytes", text)
    return f"{int(met[1]) / 2**20:.3g} MiB" if met else t("an unknown amount")
