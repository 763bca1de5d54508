"""What can be seen to be wrong before anything heavy is imported: a path, an option."""

import os

from rumbo.cli.parser import settings
from rumbo.core.errors import UsageError
from rumbo.core.messages import t


def refuse_early(data: str | None, pairs: list[str]) -> None:
    """Refuse data that are not there, and options of --set that are unknown or out of range.

    Raises:
        UsageError: with the sentence that would have come some seconds later.
    """
    if data is not None and not data.startswith("demo:") and not os.path.exists(data):
        raise UsageError(t("no data at '{path}': there is no such file or folder.", path=data))
    from rumbo.api.config import RunConfig

    config = RunConfig()
    for path, text in settings(pairs).items():
        config = config.override(path.removeprefix("options."), text)
