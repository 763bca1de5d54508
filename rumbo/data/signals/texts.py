"""What two texts share that differ only in how they are written."""

import re


def words_of(text: str) -> str:
    """The words in small letters with one space between: capitals, spaces and punctuation make no other text.

    >>> words_of("A Fine   film -- really!")
    'a fine film really'
    """
    return " ".join(re.findall(r"\w+", text.casefold()))
