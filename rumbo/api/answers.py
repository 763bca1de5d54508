"""What a model answered about one example, for people."""

from typing import Any

from rumbo.tasks.task import DatasetTask, Predictions


def answer_of(task: DatasetTask, predictions: Predictions, named: dict[str, Any], row: int) -> dict[str, Any]:
    """Truth and answer of one example.

    Args:
        task: of the model.
        predictions: with their truth.
        named: the example's row of `task.table(predictions)`.
        row: its place there.

    Returns:
        `true` and `predicted`, each a name, a number, or the labels that hold; `probability` or None.
    """
    if task.name == "multilabel":
        assert predictions.truth is not None
        labels: tuple[str, ...] = getattr(task, "labels")  # noqa: B009
        truth, guess = predictions.truth[row], predictions.outputs[row] >= 0.5
        return {
            "true": ", ".join(name for name, value in zip(labels, truth, strict=True) if value == 1) or "–",
            "predicted": ", ".join(name for name, value in zip(labels, guess, strict=True) if value) or "–",
            "probability": None,
        }
    return {"true": named["true"], "predicted": named["predicted"], "probability": named.get("probability")}
