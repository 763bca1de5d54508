"""Every code that a check can raise, with what it means, what is done, and what the user can do."""

from rumbo.data.checks.codes.boxes import BOX_CODES
from rumbo.data.checks.codes.classes import CLASS_CODES
from rumbo.data.checks.codes.identities import IDENTITY_CODES
from rumbo.data.checks.codes.images import IMAGE_CODES
from rumbo.data.checks.codes.masks import MASK_CODES
from rumbo.data.checks.codes.points import POINT_CODES
from rumbo.data.checks.codes.signals import SIGNAL_CODES
from rumbo.data.checks.codes.splits import SPLIT_CODES
from rumbo.data.checks.codes.tables import TABLE_CODES
from rumbo.data.checks.findings import Code

CODES: dict[str, Code] = {
    **SPLIT_CODES,
    **CLASS_CODES,
    **TABLE_CODES,
    **IMAGE_CODES,
    **BOX_CODES,
    **MASK_CODES,
    **POINT_CODES,
    **IDENTITY_CODES,
    **SIGNAL_CODES,
}
"""Code -> what it means. Codes are stable: scripts go by them."""
