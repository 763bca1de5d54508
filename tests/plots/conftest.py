import numpy as np
import pytest

from rumbo.plots import ReportData


def make_report(text: str = "digit", *, figures: bool = True, **changes) -> ReportData:
    """A report with every section; `text` stands wherever words of others can."""
    generator = np.random.default_rng(0)
    splits = [
        {
            "split": split,
            "items": items,
            "share": items / 1797,
            "classes": {text: items - 5, "other": 5} if figures else {},
        }
        for split, items in {"train": 1257, "dev": 270, "test": 270}.items()
    ]
    history = [
        {
            "epoch": epoch,
            "time_s": 1.5 * epoch,
            "lr": 0.1 / epoch,
            "train/loss": 2 / epoch,
            "dev/loss": 2.1 / epoch,
            f"dev/{text}": 1 - 1 / epoch,
        }
        for epoch in range(1, 5)
    ]
    level = {"value": 0.02, "interval": [0.01, 0.04], "items": 270}
    diagnosis = {
        "verdict": "variance",
        "also": ["avoidable_bias"],
        "gaps": [{"name": "variance", "value": 0.02, "interval": None, "explanation": text}],
        "errors": {"human": {"value": 0.0, "interval": None, "items": None}, "dev": level},
        "threshold": 0.01,
        "kind": "mean",
        "smallest_dev_size": None,
        "reason": text,
        "remarks": [text],
    }
    values = {
        "title": text,
        "run": text,
        "created": text,
        "task": text,
        "target": {"choice": text, "reason": text, "runner_up": text},
        "model": text,
        "parameters": 61706,
        "data_format": text,
        "decisions": [text],
        "splits": splits,
        "findings": [
            {
                "code": text,
                "severity": text,
                "message": text,
                "num_items": 1,
                "items": [text],
                "done": text,
                "remedy": text,
            }
        ],
        "history": history if figures else [],
        "best_epoch": 3,
        "goal": {"metric": text, "value": 0.98, "split": text, "interval": (0.97, 0.99)},
        "metrics": {text: {text: {"value": 0.98, "interval": (0.97, 0.99)}, "loss": float("nan")}},
        "diagnosis": diagnosis if figures else {},
        "next_steps": [text],
        "confusion": {"counts": np.array([[9, 2], [1, 8]]), "classes": [text, "other"], "split": text}
        if figures
        else {},
        "regression": {"truth": np.arange(9.0), "predicted": np.arange(9.0) + 1, "name": text, "split": text}
        if figures
        else {},
        "wrong": [
            {
                "id": text,
                "true": text,
                "predicted": text,
                "probability": 0.7,
                "picture": generator.integers(0, 256, (8, 8), dtype=np.uint8),
            }
        ],
        "environment": {text: text},
        "commands": [text],
        "weights_sha256": text,
    }
    return ReportData(**{**values, **changes})


@pytest.fixture(name="make_report")
def _make_report():
    return make_report
