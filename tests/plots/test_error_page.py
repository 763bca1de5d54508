"""The page of `rumbo errors`: hostile names stay text, sections without content are left out."""

import numpy as np

from rumbo.plots.error_page import ErrorPage, write_error_page
from rumbo.strategy.clusters import Cluster, Trait
from rumbo.strategy.confused import confused_pairs
from rumbo.strategy.error_table import Tag, error_table
from rumbo.strategy.slices import Slices

EVIL = "<script>alert(1)</script>\u202e\x1b[31m$x$"


def page_text(tmp_path, **changes):
    errors = (np.arange(200) < 40).astype(float)
    tags = [Tag(name=EVIL, has=np.arange(200) % 3 == 0, meaning=EVIL), Tag(name="wet", has=np.arange(200) < 25)]
    table = error_table(errors, tags)
    pairs = confused_pairs(errors.astype(int), np.zeros(200, dtype=int), [EVIL, "dog"])
    example = {"id": EVIL, "true": EVIL, "predicted": "dog", "probability": 0.5, "tags": (EVIL,), "text": EVIL}
    cluster = Cluster(num_wrong=9, share=0.5, num_near=20, error_near=0.4, interval=(0.2, 0.6),
                      traits=(Trait(name=EVIL, share=1, share_elsewhere=0),), examples=(EVIL,))  # fmt: skip
    values = {
        "title": EVIL, "run": EVIL, "split": "dev", "created": "now", "language": "en", "table": table.to_dict(),
        "pairs": [pair.to_dict() for pair in pairs], "num_pairs": 3,
        "slices": Slices(found=(), num_found=0, num_tested=9, fewest=20, level=0.05, has_pairs=True).to_dict(),
        "clusters": [cluster.to_dict() | {"examples": [example]}], "groups": [(EVIL, [example])], "remarks": (EVIL,),
    }  # fmt: skip
    path = tmp_path / "errors.html"
    write_error_page(path, ErrorPage(**(values | changes)))
    return path.read_text(encoding="utf-8")


def test_hostile_names_stay_text(tmp_path):
    text = page_text(tmp_path)
    assert "<script" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert text.count("&lt;script&gt;") > 8


def test_sections_without_content_are_left_out(tmp_path):
    empty = error_table(np.zeros(5), []).to_dict()
    text = page_text(tmp_path, table=empty, pairs=(), slices={}, clusters=(), groups=(), remarks=("Nothing.",))
    assert "<h2>" not in text
    assert "<p>Nothing.</p>" in text
    full = page_text(tmp_path)
    assert full.count("<h2>") == 5
    assert "<svg" in full
