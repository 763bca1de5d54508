"""Whatever is wrong gets one sentence: what was met, what is allowed, what to do; the right exit code; no litter.

Every case is one command, given in one folder that holds all the faulty data, and none may leave anything there.
"""

import html
import io
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from workbench import TINY, Command, csv, inside, pictures, tree

from rumbo.cli.main import main
from rumbo.core.errors import UsageError


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faulty data of all kinds, beside good ones."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "empty").mkdir()
    (folder / "file").write_text("a file", encoding="utf-8")
    pictures(folder / "photos", {"cat": 20, "dog": 20})
    pictures(folder / "one_class", {"cat": 20})
    pictures(folder / "loose", {".": 5})
    for name, broken in _broken_jpegs().items():
        pictures(folder / name, {"cat": 20, "dog": 20})
        (folder / name / "dog" / "odd.jpg").write_bytes(broken)
    _tables(folder)
    _configs(folder)
    (folder / "pickle.safetensors").write_bytes(pickle.dumps({"weight": [1.0]}, protocol=4))
    (folder / "torch.safetensors").write_bytes(b"PK\x03\x04" + bytes(200))
    save_file({"other.weight": np.zeros((2, 2), np.float32)}, folder / "other.safetensors")
    (folder / "no_run").mkdir()
    (folder / "no_run" / "notes.txt").write_text("nothing", encoding="utf-8")
    return folder


def _broken_jpegs() -> dict[str, bytes]:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).save(buffer, "JPEG")
    whole = buffer.getvalue()
    return {"text_jpg": b"this is no picture\n", "zero_jpg": b"", "cut_jpg": whole[: len(whole) // 2]}


def _tables(folder: Path) -> None:
    csv(folder / "table.csv", 60)
    csv(folder / "no_label.csv", 40, changes={7: "0.5,0.5,"})
    csv(folder / "gaps.csv", 60, changes={3: "nan,0.1,yes", 4: "inf,0.2,no", 5: "-inf,,yes"})
    csv(folder / "ragged.csv", 40, changes={11: "0.5,yes"})
    (folder / "empty.csv").write_bytes(b"")
    (folder / "nul.csv").write_bytes(b"x,label\n1,\0\n")
    (folder / "other.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    (folder / "unlabelled.csv").write_text("x,y\n1,2\n3,4\n", encoding="utf-8")
    csv(folder / "new_class.csv", 20, changes={4: "0.5,0.5,maybe"})


def _configs(folder: Path) -> None:
    texts = {
        "unknown_key": "path: table.csv\nsede: 3\n",
        "unknown_inner_key": "path: table.csv\ntrain:\n  optimiser: adam\n",
        "wrong_type": "path: table.csv\nseed: many\n",
        "no_group": "path: table.csv\ntrain: 3\n",
        "tag": "path: !!python/object/apply:os.system ['true']\n",
        "bomb": "a: &a [x, x]\nb: &b [*a, *a]\npath: *b\n",
        "no_yaml": "path: [1, 2\n",
        "no_path": "seed: 1\n",
        "list": "- path\n- table.csv\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "binary.yaml").write_bytes(b"\x80\x04\x95\xff")


TYPED = {
    # what is typed -> exit 2, and words that the answer must have
    "frobnicate": ["'frobnicate'", "--help"],
    "trian photos": ["'trian'", "train"],
    "--verbose": ["'--verbose'", "--version"],
    "models --lang fr": ["'fr'", "en, es"],
    "models --lang": ["--lang", "en, es"],
    "models resnet5": ["'resnet5'", "resnet50"],
    "models a b": ["'b'", "too many"],
    "doctor --fast": ["'--fast'", "--help"],
    "train": ["rumbo train PHOTOS"],
    "train nowhere": ["'nowhere'", "no such file"],
    "train photos --epohcs 3": ["'--epohcs'", "--epochs"],
    "train photos --epochs": ["--epochs needs a value"],
    "train photos table.csv": ["'table.csv'", "too many"],
    "train photos --epochs 0": ["--epochs=0", "at least 1"],
    "train photos --epochs -3": ["--epochs=-3", "at least 1"],
    "train photos --epochs many": ["--epochs='many'", "whole number"],
    "train photos --epochs 2.5": ["--epochs='2.5'", "whole number"],
    "train photos --epochs 9e99": ["--epochs='9e99'", "whole number"],
    "train photos --budget soon": ["--budget='soon'", "90s, 10m or 1.5h"],
    "train photos --budget 0": ["--budget='0'", "90s"],
    "train photos --seed -1": ["--seed=-1", "at least 0"],
    "train photos --seed 99999999999": ["seed=99999999999", "2147483647"],
    "train photos --seed x": ["--seed='x'", "whole number"],
    "train photos --task clasify": ["'clasify'", "classify"],
    "train photos --target label": ["'label'", "class"],
    "train table.csv --target lable": ["'lable'", "label"],
    "train table.csv --target x,y --task classify": ["multilabel"],
    "train table.csv --target x,x": ["'x,x'", "twice"],
    "train photos --model resnet5": ["'resnet5'", "resnet50"],
    "train table.csv --model resnet18": ["'resnet18'", "table_net"],
    "train photos --model table_net": ["'table_net'", "convnet"],
    "train photos --goal acuracy": ["'acuracy'", "accuracy"],
    "train photos --goal rmse": ["'rmse'", "accuracy"],
    "train photos --goal recall[cta]": ["'cta'", "cat"],
    "train photos --goal latency_ms": ["latency_ms", "--require"],
    "train photos --goal mean(accuracy@sauce)": ["'sauce'", "class"],
    "train table.csv --goal worst(accuracy@x)": ["'x'", "60 different values", "50"],
    "train photos --require accuracy=0.9": ["'accuracy=0.9'", ">="],
    "train photos --require accuracy>=90": ["'accuracy>=90'", "90%"],
    "train photos --require rmse<=1": ["'rmse'", "regress", "classify"],
    "train photos --require recall[cta]>=0.9": ["'cta'", "cat"],
    "train photos --require latncy_ms<=9": ["'latncy_ms'", "latency_ms"],
    "train photos --set costs=nowhere.csv": ["nowhere.csv", "no such file"],
    "train photos --set costs=table.csv": ["table.csv", "'y'", "cat, dog"],
    "train table.csv --set data.weights=z": ["'z'", "x, y"],
    "train photos --set data.weights=z": ["data.weights=z"],
    "train photos --preset fast": ["'fast'", "quick, good, best"],
    "train photos --device tpu": ["'tpu'", "cpu, cuda"],
    "train photos --device cuda:77": ["'cuda:77'", "--device cpu"],
    "train photos --set width=3": ["'width'", "train --list-options"],
    "train photos --set train.clip_nrom=3": ["'train.clip_nrom'", "train.clip_norm"],
    "train photos --set train.clip_norm": ["'train.clip_norm'", "path=value"],
    "train photos --set train=3": ["'train'", "train.epochs"],
    "train photos --set train.clip_norm=big": ["'big'", "a number"],
    "train photos --set train.clip_norm=-1": ["train.clip_norm=-1", "at least 0"],
    "train photos --set train.clip_norm=nan": ["train.clip_norm='nan'", "a number"],
    "train photos --set train.optimizer.name=adma": ["train.optimizer.name='adma'", "adam, adamw"],
    "train photos --set data.image_size=1": ["data.image_size=1", "[4, 2048]"],
    "train photos --set data.split.dev_fraction=0.6 --set data.split.test_fraction=0.6": ["0.6", "below 1"],
    "train photos --set model.options.depht=3": ["'depht'"],
    "train photos --freeze all": ["--freeze='all'", "none, features"],
    "train photos --freeze features": ["--freeze", "--weights"],
    "train photos --model softmax_regression --weights nowhere.safetensors": ["'nowhere.safetensors'", "imagenet"],
    "train photos --model softmax_regression --weights other.safetensors": ["other.weight|lacks", "model of the file"],
    "train photos --model convnet --weights imagenet": ["'convnet'", "resnet18"],
    "train photos --out photos": ["photos", "--resume"],
    "train photos --out file": ["file", "--out"],
    "train photos --out file/run": ["file/run", "--out"],
    "train photos --out /proc/rumbo/run": ["/proc/rumbo/run", "--out"],
    "train --resume": ["--out"],
    "train --resume --out nowhere": ["nowhere", "no run folder"],
    "train --resume --out no_run": ["no_run", "config.yaml"],
    "train --resume --out file": ["file", "not a run folder"],
    "train --config nowhere.yaml": ["'nowhere.yaml'"],
    "train --config empty": ["'empty'"],
    "train --config unknown_key.yaml": ["unknown_key.yaml", "'sede'", "seed"],
    "train --config unknown_inner_key.yaml": ["unknown_inner_key.yaml", "'optimiser'", "optimizer"],
    "train --config wrong_type.yaml": ["wrong_type.yaml", "seed", "'many'", "number"],
    "train --config no_group.yaml": ["train", "'3'", "group"],
    "train --config tag.yaml": ["line 1", "tag"],
    "train --config bomb.yaml": ["line 1", "anchors"],
    "train --config no_yaml.yaml": ["line", "YAML"],
    "train --config no_path.yaml": ["rumbo train PHOTOS"],
    "train --config list.yaml": ["key: value"],
    "train --config binary.yaml": ["UTF-8"],
    "predict": ["RUN"],
    "predict nowhere table.csv": ["'nowhere'", "not a run folder"],
    "predict no_run table.csv": ["'no_run'", "config.yaml"],
    "predict file table.csv": ["'file'", "not a run folder"],
    "predict no_run": ["DATA"],
    "predict no_run table.csv --out answers.xls": ["answers.xls", ".csv or .parquet"],
    "predict no_run table.csv --out nowhere/answers.csv": ["nowhere/answers.csv", "does not exist"],
    "evaluate nowhere": ["'nowhere'", "not a run folder"],
    "evaluate no_run --min high": ["--min='high'", "a number"],
    "report nowhere": ["'nowhere'", "not a run folder"],
    "compare nowhere no_run": ["'nowhere'", "not a run folder"],
    "compare": ["RUN"],
    "summary": ["MODEL"],
    "summary nowhere": ["'nowhere'", "rumbo models"],
    "summary convnet --classes 0": ["--classes=0", "at least 1"],
    "summary convnet --image-size big": ["--image-size='big'", "whole number"],
    "summary convnet --set depht=3": ["'depht'"],
    "summary lenet5 --image-size 3": ["3"],
}

DATA = {
    # what is in the data -> exit 3
    "train empty": ["'empty'", "no files", "folder per class"],
    "train file": ["'file'", "CSV"],
    "train loose": ["'loose'", "5 pictures", "photos/cat"],
    "train one_class": ["'cat'", "at least one other class"],
    "train text_jpg": ["dog/odd.jpg", "1 of 41", "--set data.max_bad_fraction=0.03"],
    "train zero_jpg": ["dog/odd.jpg", "empty|zero|0 bytes", "--set data.max_bad_fraction"],
    "train cut_jpg": ["dog/odd.jpg", "truncated|cut|ends", "--set data.max_bad_fraction"],
    "train no_label.csv": ["no_label.csv", "line 9", "'label' is empty", "--set data.max_bad_fraction"],
    "train ragged.csv": ["'ragged.csv' line 13", "2 fields", "3"],
    "train empty.csv": ["'empty.csv'", "is empty"],
    "train nul.csv": ["'nul.csv' line 2", "NUL"],
    "train table.csv --target label --task regress": ["'label'", "no number", "classify"],
    "train table.csv --target x --task classify": ["'x'", "no classes", "--target"],
    "train table.csv --set data.weights=y": ["'table.csv' line 2", "weight", "'y'"],
    "train table.csv --target x --task regress --set data.weights=label": ["'table.csv' line 2", "'label'"],
    "train table.csv --target x --task multilabel": ["label column 'x'", "0, 1, yes"],
    "train photos --model softmax_regression --weights pickle.safetensors": ["pickle", "safetensors"],
    "train photos --model softmax_regression --weights torch.safetensors": ["torch.safetensors", "zip|safetensors"],
}


WITH_RUNS = {
    # what a finished run cannot do: exit code, and words that the answer must have
    "predict run nowhere.csv": (2, ["'nowhere.csv'", "no such file"]),
    "predict run other.csv": (3, ["'x'", "met: a, b."]),
    "predict run photos": (3, ["x"]),
    "predict photo_run table.csv": (3, ["pictures"]),
    "predict photo_run text_jpg": (3, ["dog/odd.jpg", "not a picture"]),
    "predict photo_run empty": (3, ["'empty'"]),
    "evaluate run unlabelled.csv": (2, ["'label'", "x, y"]),
    "evaluate run new_class.csv": (3, ["'maybe'", "no, yes"]),
    "evaluate run photos": (2, ["'label'", "class"]),
    "evaluate photo_run table.csv": (2, ["'class'", "label"]),
    "evaluate run --split tset": (2, ["'tset'", "test"]),
    "evaluate run --min 1.01": (5, ["accuracy", "--min 1.01"]),
    "evaluate run table.csv --min 1.01": (5, ["accuracy", "--min 1.01"]),
    "evaluate run --require error<0": (5, ["error<0", "missed by"]),
    "evaluate run --require parameters<1 --require accuracy>=0": (5, ["parameters<1", "missed by"]),
    "evaluate run --require accuracy>0.9.1": (2, ["'0.9.1'", "a number"]),
    "evaluate run --require recall[maybe]>=0.5": (2, ["'maybe'", "no, yes"]),
    "evaluate run --require rmse<=1": (2, ["'rmse'", "regress"]),
    "compare run photo_run --goal recall[yes]": (2, ["'yes'", "cat, dog"]),
    "compare run photo_run --goal mean_cost": (2, ["mean_cost", "costs"]),
    "compare run run --require size_mb": (2, ["'size_mb'", "<="]),
    "compare run": (2, ["two runs or more"]),
    "compare run half_run": (3, ["half_run"]),
    "compare run run --split tset": (2, ["tset"]),
    "summary half_run": (3, ["half_run", "not finished"]),
    "report half_run": (3, ["half_run", "--resume --out half_run"]),
    "predict half_run table.csv": (3, ["half_run", "not finished"]),
    "evaluate half_run": (3, ["half_run", "not finished"]),
    "predict pickled_run table.csv": (3, ["model.safetensors", "pickle"]),
    "predict emptied_run table.csv": (3, ["model.safetensors"]),
    "predict misread_run table.csv": (3, ["config.json", "JSON"]),
    "report misread_run": (3, ["config.json", "JSON"]),
    "evaluate misconfigured_run": (2, ["config.yaml", "'sede'"]),
    "train --resume --out misconfigured_run": (2, ["config.yaml", "'sede'"]),
    "train --out run --config run/config.yaml": (2, ["run exists already", "--resume"]),
    "train photos --model softmax_regression --weights run/model/model.safetensors": (
        2,
        ["'run/model/model.safetensors'", "one layer"],
    ),
}


@pytest.fixture(scope="module")
def runs(faults: Path) -> Path:
    """Two finished runs beside the faulty data, and ones that were cut short or tampered with."""
    with inside(faults):
        assert main(["train", "table.csv", *TINY, "--out", "run", "--json"]) == 0
        assert main(["train", "photos", *TINY, "--out", "photo_run", "--json"]) == 0
        for name in ("half_run", "pickled_run", "emptied_run", "misread_run", "misconfigured_run"):
            shutil.copytree("run", name)
        shutil.rmtree("half_run/model")
        shutil.rmtree("half_run/predictions")
        Path("half_run/report.json").unlink()
        shutil.copy("pickle.safetensors", "pickled_run/model/model.safetensors")
        Path("emptied_run/model/model.safetensors").unlink()
        Path("misread_run/model/config.json").write_text("{", encoding="utf-8")
        Path("misconfigured_run/config.yaml").write_text("sede: 3\n", encoding="utf-8")
        Path("misconfigured_run/report.json").unlink()
    return faults


@pytest.mark.train
@pytest.mark.parametrize("typed", WITH_RUNS)
def test_what_a_run_cannot_do_is_told(typed: str, runs: Path, rumbo: Command) -> None:
    code, words = WITH_RUNS[typed]
    _refused(runs, rumbo, typed, code, words)


@pytest.mark.train
@pytest.mark.parametrize(
    ("typed", "left_out"),
    [
        ("train text_jpg --set data.max_bad_fraction=0.03", "dog/odd.jpg: not a picture"),
        ("train cut_jpg --set data.max_bad_fraction=0.03", "dog/odd.jpg: truncated"),
        ("train no_label.csv --set data.max_bad_fraction=0.03", "'no_label.csv' line 9: column 'label' is empty"),
        ("train gaps.csv", "entries are infinite in x 2"),
        ("train gaps.csv", "entries are missing in x 1"),
    ],
)
def test_what_is_let_pass_is_told(typed: str, left_out: str, faults: Path, tmp_path: Path, rumbo: Command) -> None:
    with inside(faults):
        answer = rumbo(*typed.split(" "), *TINY, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert left_out in answer.err
    check = json.loads((tmp_path / "run" / "data_check.json").read_text(encoding="utf-8"))
    assert any(left_out in finding["message"] and finding["done"] for finding in check["findings"])
    assert check["counts"]["bad"] == (0 if "gaps" in typed else 1)
    page = html.unescape((tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
    assert left_out in page


@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_wrong_is_told(typed: str, faults: Path, rumbo: Command) -> None:
    _refused(faults, rumbo, typed, 2, TYPED[typed])


@pytest.mark.parametrize("typed", DATA)
def test_what_is_wrong_in_the_data_is_told(typed: str, faults: Path, rumbo: Command) -> None:
    _refused(faults, rumbo, typed, 3, DATA[typed])


def _refused(folder: Path, rumbo: Command, typed: str, code: int, words: list[str]) -> None:
    """A command is refused: code and sentence on stderr, one JSON object on stdout, nothing on the disk."""
    before = tree(folder)
    with inside(folder):
        answer = rumbo(*typed.split(" "), "--json")
    assert answer.code == code, answer
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    for word in words:
        assert any(form in answer.err for form in word.split("|")), (word, answer.err)
    assert "Traceback" not in answer.err
    assert "fault of ours" not in answer.err
    assert answer.out.count("\n") == 1
    error = answer.json["error"]
    assert set(error) == {"kind", "message", "exit_code"}
    assert error["exit_code"] == code
    assert error["message"] in answer.err
    assert tree(folder) == before


def test_a_traceback_is_for_those_who_ask(rumbo: Command, tmp_path: Path) -> None:
    with inside(tmp_path), pytest.raises(UsageError, match="'nowhere'"):
        rumbo("train", "nowhere", "--debug")


def test_without_json_stdout_stays_empty_at_an_error(rumbo: Command, tmp_path: Path) -> None:
    with inside(tmp_path):
        answer = rumbo("train", "nowhere")
    assert (answer.code, answer.out) == (2, "")


def test_messages_speak_the_language_asked_for(rumbo: Command, tmp_path: Path) -> None:
    with inside(tmp_path):
        english, spanish = rumbo("train", "nowhere"), rumbo("train", "nowhere", "--lang", "es")
    assert spanish.code == 2
    assert "'nowhere'" in spanish.err
    assert spanish.err != english.err
