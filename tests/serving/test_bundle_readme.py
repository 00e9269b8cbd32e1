"""The description in a bundle."""

import json
import shlex

import tensorflow as tf

from serving.bundle_readme import figures_section, write_readme
from serving.layout import MODELS, VARIANTS, model_dir
from serving.request_controls import CONTROL_SPECS
from serving.signature_function import signature_function

ITEMS = {"it's": "A *bold* title", "i2": "", "i3": "Three", "i4": "Four"}


class Served(tf.Module):
    """Answers histories."""

    def __init__(self):
        super().__init__()

        def for_histories(history_item_ids, **controls):
            return {"item_ids": history_item_ids}

        spec = tf.TensorSpec([None, None], tf.string, name="history_item_ids")
        self.functions = {"for_histories": signature_function(for_histories, [spec], CONTROL_SPECS)}


def _readme(folder):
    for model in MODELS:
        served = Served()
        tf.saved_model.save(served, str(model_dir(folder, "exact", model)), signatures=served.functions)
    write_readme(folder, "small", ["like"], VARIANTS, ITEMS)
    return (folder / "README.md").read_text()


def test_the_call_that_it_shows_is_whole(tmp_path):
    text = _readme(tmp_path)
    command = next(line for line in text.splitlines() if line.startswith("curl"))
    words = shlex.split(command)
    body = json.loads(words[words.index("-d") + 1])
    assert body["signature_name"] == "for_histories"
    assert body["inputs"]["history_item_ids"] == [["it's", "i2", "i3"]]
    assert set(body["inputs"]) == {"history_item_ids", *(spec.name for spec in CONTROL_SPECS)}
    assert body["inputs"]["k"] == [10]
    assert body["inputs"]["filter_seen"] == [True]
    assert body["inputs"]["allow_categories"] == [[]]
    compile(text.split("```python\n")[1].split("```")[0], "README", "exec")


def test_it_lists_signatures_and_titles(tmp_path):
    text = _readme(tmp_path)
    assert r"A \*bold\* title, i2, Three" in text
    row = next(line for line in text.splitlines() if line.startswith("| `recommender` | `for_histories`"))
    assert "`history_item_ids` string [?, ?]" in row
    assert "`k` int32 [?] = 10" in row
    assert "`exclude_item_ids` string [?, ?] = none" in row


def test_figures_are_shown_where_there_are_some():
    assert figures_section({}) == ""
    assert "| ndcg@10 | 0.1235 |" in figures_section({"recall@20": 0.5, "ndcg@10": 0.12345})
    assert "By which version 3, to which items were added since," in figures_section({"a": 1.0}, 3)
