"""`dsk validate` and `--dry-run` find what a run would trip over; the run itself says it in one line."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from dsk.cli.app import app
from dsk.core.errors import DskError
from dsk.core.loading import parse_spec
from dsk.core.model.source import BUNDLED
from dsk.core.rounds import run
from dsk.core.run.plan import make_plan
from dsk.core.run.preflight import look

WEIGHTS = "model.safetensors"
SHARD = "model-0000{}-of-00002.safetensors"
ROWS = [{"problem": f"{n}+{n}", "answer": str(2 * n)} for n in range(6)]


def edit(folder, name, change):
    data = json.loads((folder / name).read_text())
    change(data)
    (folder / name).write_text(json.dumps(data))


def cut(size):
    return lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:size])


def remove(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def config(**values):
    return lambda folder: edit(folder, "config.json", lambda data: data.update(values))


def text(name, content):
    return lambda folder: (folder / name).write_text(content)


def without_a_tensor(folder):
    tensors = load_file(folder / WEIGHTS)
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def sharded(*there):
    def change(folder):
        names = list(load_file(folder / WEIGHTS))
        (folder / WEIGHTS).rename(folder / SHARD.format(1))
        if 2 in there:
            shutil.copy(folder / SHARD.format(1), folder / SHARD.format(2))
        index = {"weight_map": {name: SHARD.format(1 + number % 2) for number, name in enumerate(names)}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    return change


def without_a_map(folder):
    remove(WEIGHTS)(folder)
    text("model.safetensors.index.json", "{}")(folder)


def larger_tokenizer(folder):
    edit(folder, "tokenizer.json", lambda data: data["model"]["vocab"].update({f"x{n}": n for n in range(36, 60)}))


BROKEN = {
    "truncated": (cut(100_000), "its header describes 2,404,024 bytes, 100,000 are there"),
    "truncated header": (cut(1000), "cut short or not a safetensors file"),
    "empty weights": (cut(0), "cut short or not a safetensors file"),
    "no weights": (remove(WEIGHTS), r"no weights in '.*' \(model\.safetensors"),
    "a missing shard": (sharded(1), "model-00002-of-00002.safetensors: named in .*, not there"),
    "no map in the index": (without_a_map, "model.safetensors.index.json: has no 'weight_map'"),
    "vocabulary": (config(vocab_size=50), "config.json says vocab_size 50, the embedding has 36 rows"),
    "larger tokenizer": (larger_tokenizer, "has token ids up to 59, the embedding has 36 rows"),
    "no tokenizer": (remove("tokenizer.json", "tokenizer_config.json"), r"no tokenizer in '.*' \(tokenizer\.json\)"),
    "tokenizer is not JSON": (text("tokenizer.json", '{"a":'), "tokenizer.json: not JSON"),
    "config is not JSON": (text("config.json", '{"a":'), "config.json: not JSON"),
    "config is a list": (text("config.json", "[]"), "config.json: a JSON list, not an object"),
    "encoder-decoder": (config(is_encoder_decoder=True), "model.path: 'llama' is an encoder-decoder; dsk trains"),
}  # fmt: skip
DEEPER = {
    "unknown to transformers": (config(model_type="nosuch"), "nosuch"),
    "hidden size": (config(intermediate_size=64), r"tensors? have other shapes|other shapes than its config.json"),
    "no end of sequence": (
        lambda folder: edit(folder, "tokenizer_config.json", lambda data: data.pop("eos_token")),
        "names no end-of-sequence token",
    ),
    "a wrong type": (config(num_hidden_layers="three"), "num_hidden_layers"),
}


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(BUNDLED / "tiny-reasoner", folder)
    return folder


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def spec(path="bundled:tiny-reasoner", **changes):
    task = {"kind": "arithmetic", "train_problems": 4, "test_problems": 2}
    short = {"max_response_tokens": 32, "rollout": {"kind": "tree", "max_depth": 4, "step_tokens": 8}}
    return parse_spec({"name": "t", "model": {"path": str(path), "device": "cpu"}, "task": task, **short, **changes})


def judged_by(*program):
    return {"kind": "command", "program": program}


def lines(file, *rows):
    Path(file).write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(file)


def refusal(of):
    """The one line with which the run itself is refused; nothing of it stays behind."""
    with pytest.raises(DskError) as caught:
        run(of, "run")
    assert (caught.value.exit_code, len(str(caught.value).splitlines())) == (2, 1)
    assert not Path("run").exists()
    return str(caught.value)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_folder_is_found_before_and_by_the_run(model, name):
    change, fault = BROKEN[name]
    assert look(spec(model)).missing == []
    change(model)
    found = look(spec(model)).missing
    assert len(found) == 1, found
    assert_says(found[0], fault)
    assert_says(make_plan(spec(model)).missing[0], fault)
    assert_says(refusal(spec(model)), fault)


def assert_says(line, pattern):
    assert re.search(pattern, line), line


@pytest.mark.parametrize("name", DEEPER)
def test_what_only_transformers_can_tell_is_found_by_the_dry_run(model, name):
    change, fault = DEEPER[name]
    change(model)
    assert_says(" | ".join(make_plan(spec(model)).missing), fault)
    assert_says(refusal(spec(model)), fault)


@pytest.mark.parametrize("change", [without_a_tensor, config(num_hidden_layers=4)], ids=["a tensor", "a layer"])
def test_weights_that_are_not_all_there_are_not_filled_with_noise(model, change):
    change(model)
    assert_says(refusal(spec(model)), r"lack \d+ tensors that its config.json calls for \(model.layers.*as noise")


@pytest.mark.parametrize("content", ["{}", '{"model": 1, "added_tokens": 2}', '{"model": {"vocab": {"a": "b"}}}'])
def test_a_strange_tokenizer_file_is_left_to_the_library_that_reads_it(model, content):
    (model / "tokenizer.json").write_text(content)
    assert look(spec(model)).missing == []
    assert len(make_plan(spec(model)).missing) == 1
    assert "model.path" in refusal(spec(model))


def test_whole_shards_are_read(model):
    sharded(1, 2)(model)
    assert look(spec(model)).missing == []


@pytest.mark.parametrize("check", [look, make_plan], ids=["validate", "dry run"])
def test_a_missing_chat_template_is_found_where_prompts_are_chats(model, check):
    chat = spec(model, prompt={"style": "chat"})
    assert_says(" | ".join(check(chat).missing), "has no chat template; set prompt.style to 'plain'")
    assert_says(refusal(chat), "has no chat template")
    (model / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    assert check(chat).missing == []


@pytest.mark.parametrize("check", [look, make_plan], ids=["validate", "dry run"])
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"trackers": [{"kind": "wandb"}]}, "tracker 'wandb': pip install 'deepsearch-kit[wandb]', or leave it out"),
        ({"engine": {"kind": "vllm"}}, "engine 'vllm': pip install 'deepsearch-kit[vllm"),
        ({"verifier": judged_by("no-such-judge")}, "verifier 'command': 'no-such-judge' is not an executable"),
        ({"verifier": judged_by(sys.executable, "judge.py")}, "verifier 'command': no file 'judge.py'"),
        ({"task": {"kind": "jsonl", "train": "no.jsonl"}}, "task: task.train: no file 'no.jsonl'"),
        ({"task": {"kind": "reasoning_gym", "dataset": "chain_sum"}}, "pip install 'deepsearch-kit[reasoning-gym]'"),
        ({"model": {"path": "nowhere/at/all"}}, "model.path: there is no folder 'nowhere/at/all'"),
    ],
)  # fmt: skip
def test_what_is_not_on_this_machine_is_found(monkeypatch, check, changes, fault):
    for package in ("wandb", "vllm", "reasoning_gym"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("dsk.components.trackers.figures.find_spec", lambda name: None)
    monkeypatch.setattr("dsk.components.engines.vllm.find_spec", lambda name: None)
    found = check(spec(**changes)).missing
    assert [line for line in found if line.startswith(fault) or fault in line] == found[:1], found


@pytest.mark.parametrize("split", ["train", "test"])
def test_bad_rows_anywhere_are_counted_and_the_first_three_shown(split):
    bad = [*ROWS, "junk", "[1]", {"problem": "1"}, {"answer": "1"}, "{}"]
    files = {"train": lines("train.jsonl", *ROWS), "test": lines("test.jsonl", *ROWS[:2])}
    files[split] = lines(f"{split}.jsonl", *bad)
    (line,) = look(spec(task={"kind": "jsonl", **files})).missing
    assert line.startswith(f"task: 5 bad rows in {split}: {split}.jsonl:7: ")
    assert line.count(f"{split}.jsonl:") == 3
    assert line.endswith("; ...; fix them, or set task.on_bad_row to 'skip'")
    assert f"{split}.jsonl:7: " in refusal(spec(task={"kind": "jsonl", **files}))


def test_only_the_rows_that_the_run_would_read_are_looked_at():
    task = {"kind": "jsonl", "train": lines("a.jsonl", *ROWS, "junk")}
    assert look(spec(task=task, screen={"problems": 6})).missing == []
    assert len(look(spec(task=task)).missing) == 1


def test_references_that_cannot_be_judged_are_found():
    task = {"kind": "jsonl", "train": lines("a.jsonl", *[row | {"answer": "so\n#### 1"} for row in ROWS])}
    (line,) = look(spec(task=task)).missing
    assert 'set task.answer_from to {"after": "####"}' in line


def test_a_shared_cache_of_another_task_is_found():
    shared = {"cache": {"kind": "sqlite", "path": "shared.sqlite"}}
    run(spec(**shared, rounds={"steps": 1}, train={"batch_problems": 2, "mini_batch_problems": 2}), "first")
    assert look(spec(**shared)).missing == []
    other = spec(**shared, task={"kind": "arithmetic", "seed": 1})
    (line,) = look(other).missing
    assert line.startswith("cache: it belongs to the task 'arithmetic:steps=4-12:seed=0', not to")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"prompt": {"max_tokens": 10}}, "prompt.max_tokens: problem 'train-0' has a prompt of"),
        ({"max_response_tokens": 400}, "more than the model's context of 256; lower max_response_tokens"),
        ({"train": {"packing": "flex"}}, "train.packing: 'flex' cannot be used: FlexAttention trains on CUDA only"),
    ],
)
def test_the_dry_run_finds_what_needs_the_tokenizer_or_the_model(changes, fault):
    assert make_plan(spec()).missing == []
    (line,) = make_plan(spec(**changes)).missing
    assert fault in line
    assert fault in refusal(spec(**changes))


def test_the_dry_run_finds_a_folder_in_the_way_and_with_resume_one_of_another_spec():
    mine = spec()
    assert make_plan(mine).missing == []
    assert "nothing to resume here" in make_plan(mine, resume=True).missing[0]
    folder = Path("runs", "t")
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps(mine.dump()))
    assert "this run exists; continue it with --resume" in make_plan(mine).missing[0]
    assert make_plan(mine, Path("elsewhere")).missing == []
    assert make_plan(mine, resume=True).missing == []
    assert "seed: 0 -> 7" in make_plan(spec(seed=7), resume=True).missing[0]


def test_without_any_configuration_the_plan_still_lists_everything_that_is_missing():
    task = {"kind": "jsonl", "train": lines("a.jsonl", "junk")}
    plan = make_plan(spec("nowhere/at/all", task=task))
    assert (plan.sizes, plan.memory) == ({}, {})
    assert [line.split(":")[0] for line in plan.missing] == ["model.path", "task"]


@pytest.mark.parametrize("command", [["validate"], ["run", "--dry-run"]], ids=["validate", "dry run"])
def test_the_exit_code_says_whether_something_is_missing(command):
    good, bad = Path("good.json"), Path("bad.json")
    good.write_text(json.dumps(spec().dump()))
    bad.write_text(json.dumps(spec(task={"kind": "jsonl", "train": lines("a.jsonl", *ROWS, "junk")}).dump()))
    done = CliRunner().invoke(app, [command[0], str(good), *command[1:]])
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Missing here: nothing")
    done = CliRunner().invoke(app, [command[0], str(bad), *command[1:]])
    assert done.exit_code == 2
    assert done.stdout.splitlines()[-2:] == [
        "Missing here:",
        f"  - {look(parse_spec(json.loads(bad.read_text()))).missing[0]}",
    ]


def test_validate_says_what_it_read_and_tells_doubts_without_failing():
    Path("a.json").write_text(json.dumps(spec(max_response_tokens=64).dump()))
    done = CliRunner().invoke(app, ["validate", "a.json"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1] == "Read: the model's files but its weights, 4 train problems, 2 test problems"
    assert done.stderr.startswith("notice: rollout: a tree's answers end at max_depth x step_tokens = 4 x 8 = 32")
