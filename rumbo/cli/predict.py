"""`rumbo predict RUN DATA…`."""

import argparse
from pathlib import Path
from typing import Any

from rumbo.cli.tables import table
from rumbo.core.errors import StorageError, UsageError
from rumbo.core.messages import shown, t

SHOWN_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to answer for, and where answers go."""
    add = parser.add_argument
    add("run", metavar="RUN", help=t("a run folder"))
    add("data", nargs="+", metavar="DATA", help=t("pictures, folders or tables; labels are not needed"))
    add("--out", metavar="FILE", help=t("write all answers to a .csv or .parquet file"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Predict and tell."""
    out = None if arguments.out is None else Path(arguments.out)
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise UsageError(t("--out '{path}' must end in .csv or .parquet.", path=arguments.out))
    if out is not None and not out.parent.is_dir():
        raise UsageError(t("the folder of --out '{path}' does not exist.", path=arguments.out))
    from rumbo.api.prediction import predict

    answers = predict(arguments.run, arguments.data)
    if out is not None:
        from rumbo.api.prediction import safe_for_spreadsheets

        try:
            with open(out, "wb") as file:
                if out.suffix == ".csv":
                    safe_for_spreadsheets(answers).write_csv(file)
                else:
                    answers.write_parquet(file)
        except OSError as error:
            raise StorageError(
                t("cannot write '{path}': {reason}.", path=arguments.out, reason=error.strerror or str(error))
            ) from None
    if not arguments.json:
        columns = [name for name in answers.columns if not name.startswith("p(") or len(answers.columns) <= 6]
        rows = [
            [shown(v) if isinstance(v, str) else v for v in row]
            for row in answers.select(columns).head(SHOWN_ROWS).rows()
        ]
        print(table([shown(name) for name in columns], rows))
        if answers.height > SHOWN_ROWS:
            print(t("… and {count} more rows; --out FILE writes all.", count=answers.height - SHOWN_ROWS))
    return {
        "run": arguments.run,
        "items": answers.height,
        "predictions": answers.to_dicts() if out is None else None,
        "out": arguments.out,
    }
