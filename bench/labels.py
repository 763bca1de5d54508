"""How well wrong labels are found, counted and told apart from wrong answers, on noise planted in real sets.

    python bench/labels.py table  [--data FOLDER]
    python bench/labels.py golden [--data FOLDER]
    python bench/labels.py runs   [--data FOLDER] [--epochs 8] [--cases 0 1 2]

`table` prints, for linear discriminants on digits, Fashion-MNIST and Adult (tests/data/planted_labels.py), the average
precision of our ranking and of cleanlab's on the same predictions, the estimated share of wrong labels and how much of
the error they make, beside the planted ones. `golden` computes what cleanlab says of these predictions and stores it in
tests/strategy/cleanlab.json, for the tests and for `table`: run it where cleanlab is installed. It is a judge only,
under the AGPL and with pandas behind it, and no dependency of ours. `runs` trains real networks on pictures with
planted noise by `rumbo train`, has `rumbo labels` judge them, and prints the same figures.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "strategy" / "cleanlab.json"
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "data")]

from planted_labels import FASHION, Planted, digits, fashion_pictures, plant, planted_sets  # noqa: E402

CASES = (
    ("digits", "random", 0.0),
    ("digits", "random", 0.1),
    ("digits", "three pairs", 0.1),
    ("fashion", "random", 0.0),
    ("fashion", "random", 0.05),
    ("fashion", "random", 0.1),
    ("fashion", "random", 0.2),
    ("fashion", "three pairs", 0.05),
    ("fashion", "three pairs", 0.1),
)
NUM_PICTURES = 6_000


def average_precision(wrong: np.ndarray, suspicion: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(wrong, suspicion))


def golden(data: Path) -> None:
    import cleanlab
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    found: list[dict[str, Any]] = []
    for case in planted_sets(data):
        given, probabilities = case.given, case.probabilities
        scores = {}
        for method in ("self_confidence", "normalized_margin"):
            quality = get_label_quality_scores(given, probabilities, method=method)
            scores[method] = average_precision(case.wrong, 1 - quality)
        selected = {}
        for ours, theirs in (("noise_rate", "prune_by_noise_rate"), ("class", "prune_by_class")):
            chosen = find_label_issues(given, probabilities, filter_by=theirs, n_jobs=1)
            selected[ours] = {"count": int(chosen.sum()), "wrong": int((chosen & case.wrong).sum())}
        found.append(
            {
                **{"set": case.name, "kind": case.kind, "rate": case.rate},
                "self_confidence_mean": float(probabilities[np.arange(len(given)), given].mean()),
                "average_precision": scores,
                "selected": selected,
            }
        )
    text = json.dumps({"cleanlab": cleanlab.__version__, "cases": found}, indent=1)
    GOLDEN.write_text(text + "\n", encoding="utf-8")


def judged(case: Planted) -> dict[str, Any]:
    """What we say of a case."""
    from rumbo.strategy import suspects

    names = [str(code) for code in range(case.probabilities.shape[1])]
    judgements, _ = suspects.judge_classes(case.given, case.probabilities, names)
    flows = suspects.flows_of(judgements)
    noise = suspects.noise_of(judgements, flows)
    found = suspects.find_suspects(judgements, noise, flows)
    scores, chosen = np.empty(len(case.given)), np.zeros(len(case.given), bool)
    scores[found.rows], chosen[found.rows] = found.scores, found.is_suspect
    return {
        "noise": noise,
        "error": suspects.error_of(judgements, flows),
        "ap": average_precision(case.wrong, 1 - scores),
        "precision": float((chosen & case.wrong).sum() / max(chosen.sum(), 1)),
        "recall": float((chosen & case.wrong).sum() / max(case.wrong.sum(), 1)),
    }


def table(data: Path) -> None:
    peer = {(c["set"], c["kind"], c["rate"]): c for c in json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]}
    print("| set | noise | planted | found | kind | label error | found | ours | cleanlab | P | R |")
    print("| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    held: list[tuple[bool, bool, bool]] = []
    for case in planted_sets(data):
        us, wrong = judged(case), case.wrong
        answers = case.probabilities.argmax(axis=1)
        part = float((wrong & (answers != case.given)).mean())
        theirs = peer[case.name, case.kind, case.rate]["average_precision"]["self_confidence"]
        print(
            f"| {case.name} | {case.kind} {100 * case.rate:g} % | {100 * wrong.mean():.1f} | "
            f"{100 * us['noise'].rate:.1f} | {us['noise'].kind} | {100 * part:.1f} | "
            f"{100 * us['error'].label_error:.1f} | {us['ap']:.3f} | {theirs:.3f} | {us['precision']:.2f} | "
            f"{us['recall']:.2f} |",
            flush=True,
        )
        error, low, high = us["error"], *us["noise"].interval
        found = (float((answers != case.true).mean()), *error.true_interval)
        held.append(
            (
                low <= wrong.mean() <= high,
                error.label_interval[0] <= part <= error.label_interval[1],
                found[1] <= found[0] <= found[2],
            )
        )
    counts = np.sum(held, axis=0).tolist()
    print(f"\nintervals that hold, of {len(held)}: rate {counts[0]}, label error {counts[1]}, true error {counts[2]}")


def real(name: str, data: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    if name == "digits":
        x, y = digits(data)
        return np.round(255 * x).astype(np.uint8).reshape(-1, 8, 8), y, tuple("0123456789")
    pictures, codes = fashion_pictures(data, NUM_PICTURES)
    return pictures, codes, FASHION


def runs(data: Path, epochs: int, cases: list[int]) -> None:
    import rumbo

    print(
        "| set | noise | dev error | planted | found (95 %) | kind | label error of dev | found (95 %) | AP | self | P "
        "| R |"
    )
    print("| --- | --- | ---: | ---: | --- | --- | ---: | --- | ---: | ---: | ---: | ---: |")
    for name, kind, rate in (CASES[place] for place in cases):
        pictures, true, names = real(name, data)
        given = plant(true, kind, rate) if rate else true
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / f"{name}.npz"
            np.savez(source, x=pictures, y=np.array(names)[given])
            run = rumbo.train(source, epochs=epochs, out=Path(folder) / "run", device="cpu")
            check = run.labels(top=10**9)
            print(row_of(run, check, f"{name} | {kind} {100 * rate:g} %", true, given, names), flush=True)


def row_of(run: Any, check: Any, head: str, true: np.ndarray, given: np.ndarray, names: tuple[str, ...]) -> str:
    from rumbo.api.held_out import kept_predictions
    from rumbo.runs import read_predictions

    wrong = {f"x#{row}": bool(true[row] != given[row]) for row in range(len(true))}
    key = next(iter(check.known))[0]
    prefix = key.rpartition("#")[0]
    is_wrong = {name.replace("x#", f"{prefix}#"): value for name, value in wrong.items()}
    planted = np.array([is_wrong[row.id] for row in check.suspects])
    scores = np.array([row.score for row in check.suspects])
    held = kept_predictions(run)
    assert held is not None
    own = held.predictions.outputs[np.arange(len(held.predictions.ids)), held.predictions.truth]
    plain = np.array([is_wrong[name] for name in held.predictions.ids])
    chosen = scores < 0.5
    hits = (chosen & planted).sum()
    dev = read_predictions(run.folder.predictions, "dev")
    mistaken = (dev["true"] != dev["predicted"]).to_numpy()
    part = float((mistaken & np.array([is_wrong[name] for name in dev["id"]])).mean())
    noise, error = check.noise, check.error
    low, high = (100 * end for end in noise.interval)
    label_low, label_high = (100 * end for end in error.label_interval)
    aps = (average_precision(planted, 1 - scores), average_precision(plain, 1 - own)) if planted.any() else (0.0, 0.0)
    return (
        f"| {head} | {100 * mistaken.mean():.1f} | {100 * planted.mean():.1f} | {100 * noise.rate:.1f} "
        f"({low:.1f} to {high:.1f}) | {noise.kind} | {100 * part:.1f} | {100 * error.label_error:.1f} "
        f"({label_low:.1f} to {label_high:.1f}) | {aps[0]:.3f} | {aps[1]:.3f} | "
        f"{hits / max(chosen.sum(), 1):.2f} | {hits / max(planted.sum(), 1):.2f} |"
    )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("table", "golden", "runs"))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--cases", type=int, nargs="*", default=list(range(len(CASES))))
    arguments = parser.parse_args()
    if arguments.what == "runs":
        runs(arguments.data, arguments.epochs, arguments.cases)
    else:
        {"table": table, "golden": golden}[arguments.what](arguments.data)


if __name__ == "__main__":
    main()
