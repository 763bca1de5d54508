"""Memory: kept between the steps of a training; and whether an error says that it is short, in whichever words."""

import ctypes
import functools
import re

from rumbo.core.messages import t

SIGNS = ("can't allocate memory", "not enough memory", "std::bad_alloc", "could not create a primitive")
"""Words of torch's allocator for the CPU, of C++, and of oneDNN, which cannot make a kernel's workspace."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
KEPT_BYTES, LARGE_BYTES = 256 * 2**20, 32 * 2**20


@functools.cache
def keep_freed_memory() -> bool:
    """Have the C library keep up to 256 MiB that this process frees, instead of giving them back to the system at once.

    A step of a training frees what the next one needs again. Given back, each page of it is asked for and cleared anew:
    measured with LeNet-5 and batches of 128, up to 1,700 page faults a step, which took a third of the time. Blocks
    above 32 MiB are given back as before.

    Returns:
        Whether there is a C library that can (glibc); the setting holds for the whole process.
    """
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 -- others have functions of the same name with other numbers
        return bool(libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES) and libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))
    except (OSError, AttributeError, TypeError):
        return False


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
