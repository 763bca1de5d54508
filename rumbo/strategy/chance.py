"""What chance alone would do: tests of groups with many wrong examples, when many groups are looked at at once."""

import numpy as np


def excess_p_values(
    wrong_inside: np.ndarray | int,
    num_inside: np.ndarray | int,
    num_wrong: np.ndarray | int,
    num_items: np.ndarray | int,
) -> np.ndarray:
    """How often chance alone would put as many wrong examples, or more, into a group of this size.

    The one-sided test of Fisher: exact for any counts, given how many are wrong and how many are inside. Arrays are
    broadcast against each other.

    Args:
        wrong_inside: wrong examples in the group.
        num_inside: examples in the group.
        num_wrong: wrong examples.
        num_items: examples.

    Source: Fisher 1935, "The logic of inductive inference".

    >>> round(excess_p_values(3, 3, 3, 6).item(), 6)  # of 20 ways to choose 3 of 6, one takes all that are wrong
    0.05
    """
    from scipy.stats import hypergeom

    tail = hypergeom.sf(np.asarray(wrong_inside) - 1, num_items, num_wrong, num_inside)
    return np.clip(np.asarray(tail, dtype=np.float64), 0.0, 1.0)


def adjusted(p_values: np.ndarray) -> np.ndarray:
    """P-values as they count when the luckiest of many is looked at.

    Among the tests whose adjusted value is at most q, no more than a share of q is expected to be by chance, however
    the tests depend on each other: groups overlap, and the parts of one column exclude one another.

    Args:
        p_values: of all tests that were made, n.

    Source: Benjamini, Yekutieli 2001, "The control of the false discovery rate in multiple testing under dependency",
    theorem 1.3.

    >>> adjusted(np.array([0.01, 0.5])).round(3).tolist()
    [0.03, 0.75]
    """
    if len(p_values) == 0:
        return np.zeros(0)
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values, method="by"), dtype=np.float64)
