"""What programs read: one strict JSON object as the last line of stdout, progress on stderr; and what people type."""

import json
from pathlib import Path

import pytest
from workbench import TINY, Command, csv, inside, pictures

from rumbo.cli.main import main
from rumbo.cli.parser import Parser
from rumbo.cli.verbs import VERBS

KEYS = {
    "train table.csv --epochs 1 --model softmax_regression --out third": {
        "run",
        "task",
        "target",
        "model",
        "epochs",
        "seconds",
        "parameters",
        "metrics",
        "goal",
        "verdict",
        "best_epoch",
    },
    "train --resume --out first": {
        "run",
        "task",
        "target",
        "model",
        "epochs",
        "seconds",
        "parameters",
        "metrics",
        "goal",
    },
    "train --list-options": {"options"},
    "check photos --fail-on never": {
        "path",
        "format",
        "items",
        "target",
        "inputs",
        "examples",
        "decisions",
        "findings",
        "counts",
    },
    "check table.csv --fail-on never": {"path", "format", "items", "target", "findings", "counts"},
    "evaluate first": {"run", "split", "items", "metrics", "goal"},
    "evaluate first table.csv --min 0.01": {"run", "split", "items", "metrics", "goal"},
    "evaluate first --require accuracy>=0 --require latency_ms<=60000": {"run", "split", "items", "metrics", "goal"},
    "labels first --folds 2 --top 5": {
        *("run", "task", "items", "folds", "epochs", "noise", "error", "num_suspects", "suspects", "remarks"),
        *("page", "review"),
    },
    "predict first table.csv": {"run", "items", "predictions", "out"},
    "predict first table.csv --out answers.parquet": {"run", "items", "predictions", "out"},
    "report first": {"run", "report"},
    "errors first": {
        *("run", "split", "task", "kind", "num_items", "num_wrong", "num_untagged", "error", "error_interval", "rows"),
        *("pairs", "slices", "clusters", "examples", "remarks", "page", "template"),
    },
    "compare first second": {"goal", "ranking", "differences"},
    "compare first second --goal f1_macro --require parameters<=9 --split test": {
        *("goal", "require", "any_meets", "split", "ranking", "differences", "measured"),
    },
    "diagnose first": {
        *("run", "task", "verdict", "also", "stage", "gaps", "errors", "threshold", "kind", "smallest_dev_size"),
        *("reason", "remarks", "next_steps", "deviation", "curve", "picture"),
    },
    "diagnose --train-error 8% --dev-error 10%": {
        *("run", "task", "verdict", "also", "stage", "gaps", "errors", "threshold", "kind", "smallest_dev_size"),
        *("reason", "remarks", "next_steps", "deviation", "curve", "picture"),
    },
    "next first --budget 3s": {
        *("run", "verdict", "also", "reason", "best", "goal", "actions", "told", "left_out", "seconds", "complete"),
        "budget_seconds",
    },
    "improve table.csv --budget 2s --out better": {
        *("folder", "run", "goal", "higher_is_better", "budget_seconds", "seconds", "first_value", "human_error"),
        *("value", "entries", "stopped", "test", "test_interval"),
    },
    "summary first": {"rows", "num_parameters", "num_multiply_adds"},
    "summary lenet5": {"rows", "num_parameters", "num_multiply_adds"},
    "models": {"models"},
    "models mlp": {"name", "takes", "options"},
    "lab": {"experiments"},
    "lab vectorized --list-options": {"name", "takes", "options"},
    "lrfind table.csv --model softmax_regression": {
        *("suggestion", "reason", "largest_rate", "minimum_rate", "steepest_rate", "model", "optimizer", "usual_rate"),
        *("rates", "losses", "smoothed", "picture", "command"),
    },
    "lab vectorized --set largest=20": {"experiment", "settings", "title", "finding", "columns", "rows", "out"},
    "convert photos --to csv --out converted": {
        *(
            "source",
            "out",
            "source_format",
            "format",
            "items",
            "classes",
            "splits",
            "lost",
            "changed",
            "largest_shift_px",
        ),
        "decisions",
    },
    "split table.csv --out a.parquet": {"out", "items", "counts", "classes", "groups", "leaks", "sha256", "decisions"},
    "split table.csv --folds 3 --out b.parquet": {"out", "items", "counts", "classes", "decisions"},
    "bench --list": {"rows"},
    "doctor --quick": {"facts", "problems"},
}

FLAGS = {
    # the everyday flags; everything else is --set
    "check": {"--task", "--target", "--corrections", "--out", "--augment", "--fail-on", "--set"},
    "demo": {"--out"},
    "split": {
        *("--by", "--dev", "--test", "--folds", "--group", "--source", "--time", "--target", "--seed", "--out"),
        *("--corrections", "--set"),
    },
    "train": {
        *("--task", "--target", "--model", "--weights", "--freeze", "--preset", "--epochs", "--budget", "--goal"),
        *("--require", "--seed", "--out", "--resume", "--config", "--device", "--processes", "--set", "--list-options"),
    },
    "evaluate": {"--split", "--min", "--require"},
    "next": {"--human-error", "--budget"},
    "improve": {"--budget", "--human-error", "--task", "--target", "--goal", "--config", "--out", "--resume"},
    "labels": {"--top", "--folds", "--budget", "--test", "--from", "--accept", "--write", "--who"},
    "predict": {"--out"},
    "report": set(),
    "errors": {"--split", "--tags", "--write-tags", "--out"},
    "compare": {"--split", "--goal", "--require"},
    "diagnose": {
        *("--human-error", "--real-world", "--train-error", "--train-dev-error", "--dev-error", "--test-error"),
        *("--real-world-error", "--dev-size", "--threshold", "--curve", "--budget", "--out"),
    },
    "models": set(),
    "summary": {"--image-size", "--channels", "--numbers", "--classes", "--set"},
    "lab": {"--out", "--seed", "--set", "--list-options"},
    "lrfind": {
        *("--task", "--target", "--model", "--weights", "--freeze", "--preset", "--low", "--high", "--steps"),
        *("--seed", "--out", "--config", "--device", "--set"),
    },
    "gradcheck": {"--model", "--steps", "--components", "--examples", "--seed", "--set"},
    "convert": {"--to", "--out", "--corrections", "--target", "--task", "--lossy"},
    "label": {"--task", "--classes", "--unlabelled", "--out", "--who", "--port", "--no-browser", "--export"},
    "bench": {"--rows", "--rounds", "--data", "--out", "--list"},
    "doctor": {"--quick"},
}
EVERYWHERE = {"--json", "--lang", "--debug", "--help", "-h"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("json")
    csv(folder / "table.csv", 60)
    pictures(folder / "photos", {"cat": 12, "dog": 12})
    with inside(folder):
        for name in ("first", "second"):
            assert main(["train", "table.csv", *TINY, "--out", name, "--json"]) == 0
    return folder


@pytest.mark.train
@pytest.mark.parametrize("typed", KEYS)
def test_each_verb_answers_with_one_object(typed: str, runs: Path, rumbo: Command) -> None:
    with inside(runs):
        answer = rumbo(*typed.split(" "), "--json")
    assert answer.code == 0, answer.err
    assert answer.out.count("\n") == 1
    assert set(answer.json) >= KEYS[typed]
    assert answer.out.isascii()  # nothing in a name can reach the terminal


@pytest.mark.train
@pytest.mark.parametrize("data", ["table.csv", "photos"])
def test_train_answers_as_promised(data: str, runs: Path, tmp_path: Path, rumbo: Command) -> None:
    with inside(runs):
        answer = rumbo("train", data, *TINY, "--out", tmp_path / "run", "--json")
    found = answer.json
    assert found["run"] == str(tmp_path / "run")
    assert (found["task"], found["model"], found["epochs"]) == ("classify", "softmax_regression", 1)
    assert found["target"] == ("label" if data == "table.csv" else "class")
    assert found["seconds"] >= 0
    assert isinstance(found["parameters"], int)
    assert set(found["metrics"]) == {"train", "dev", "test"}
    goal = found["goal"]
    assert goal["value"] == found["metrics"][goal["split"]][goal["metric"]]
    report = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert {key: report[key] for key in found if key != "run"} == {key: found[key] for key in found if key != "run"}


@pytest.mark.train
def test_progress_goes_to_stderr(runs: Path, tmp_path: Path, rumbo: Command) -> None:
    with inside(runs):
        answer = rumbo("train", "table.csv", *TINY, "--out", tmp_path / "run")
    assert "epoch 1/1" in answer.err
    assert "epoch 1/1" not in answer.out
    assert "report: " in answer.out


@pytest.mark.parametrize("verb", VERBS)
def test_everyday_flags_are_few(verb: str) -> None:
    import importlib

    parser = Parser(verb, "")
    importlib.import_module(VERBS[verb].module).add_arguments(parser)
    met = {flag for action in parser._actions for flag in action.option_strings}
    assert met == FLAGS[verb] | EVERYWHERE
    assert len(FLAGS[verb] - {"--set", "--list-options"}) <= 16
    assert all(action.help for action in parser._actions)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_help_is_there_in_both_languages(verb: str, language: str, rumbo: Command) -> None:
    with pytest.raises(SystemExit) as end:
        rumbo(verb, "--help", "--lang", language)
    assert end.value.code == 0


@pytest.mark.parametrize("words", ["a b --json", "a --json b", "--json a b", "a --json -- b"])
def test_flags_may_stand_between_arguments(words: str) -> None:
    parser = Parser("lab", "")
    parser.add_argument("name", nargs="?")
    parser.add_argument("source", nargs="?")
    read = parser.read(words.split())
    assert (read.name, read.source, read.json) == ("a", "b", True)
