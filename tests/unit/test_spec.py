"""A spec's faults: each one line that says where, what, what is allowed."""

import json
import re
from pathlib import Path

import pytest

from dsk.components.rollouts import Tree
from dsk.core.errors import SpecError
from dsk.core.input.trl_names import NAMES, trl_answer
from dsk.core.loading import differences, load_spec, override, parse_spec
from dsk.core.plugins.registry import load_registry
from dsk.core.run.plan import make_plan
from dsk.core.spec import RunSpec

PATHS = re.compile(
    r"\b((?:model|task|prompt|engine|sampling|rollout|replay|screen|train|rounds|evaluate|verifier)(?:\.\w+)+)"
)
ROOT = Path(__file__).parents[2]
GOOD = {"name": "t", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}}


def faults(data):
    with pytest.raises(SpecError) as caught:
        parse_spec(data)
    return caught.value.problems


def tree_of(data):
    rollout = parse_spec(data).rollout
    assert isinstance(rollout, Tree)
    return rollout


def with_value(path, value):
    return override(GOOD, [f"{path}={json.dumps(value)}"])


def test_defaults_are_the_published_setting():
    spec = parse_spec(GOOD)
    tree, train = spec.rollout, spec.train
    assert isinstance(tree, Tree)
    assert (tree.width, tree.max_depth, tree.step_tokens, tree.trajectories) == (8, 64, 256, 8)
    assert spec.replay is not None
    assert spec.replay.dump() == {"kind": "cached", "samples": 8}
    assert (train.batch_problems, train.mini_batch_problems, train.micro_batch_tokens) == (256, 32, 18432)
    assert (train.optimizer.lr, train.optimizer.warmup_steps, train.optimizer.weight_decay) == (1e-6, 10, 0.1)
    assert tree.selector.dump() == {
        "kind": "frontier", "value_weight": 0.4, "entropy_weight": 0.0, "depth_weight": 0.01, "depth_bonus": "sqrt",
        "score_weight": 0.0,
    }  # fmt: skip
    assert (tree.backup.kind, tree.negative.kind, train.loss.kind, train.advantage.kind) == (
        "constrained", "most_confident", "tree_grpo", "node",
    )  # fmt: skip


def test_a_dumped_spec_loads_to_an_equal_spec():
    spec = parse_spec(GOOD)
    assert parse_spec(json.loads(json.dumps(spec.dump()))) == spec


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("rolout", {}, "rolout: unknown field; allowed: .*did you mean 'rollout'"),
        ("rollout.selector", {"kind": "frontir"}, "selector: unknown selector 'frontir'; allowed: .*'frontier'"),
        ("rollout.selector", {"kind": "uct", "exploratoin": 1}, "selector.exploratoin: unknown field.*'exploration'"),
        ("rollout.selector", 7, "rollout.selector: expected an object such as"),
        ("rollout.width", 0, "rollout.width: .*greater than or equal to 1.*found 0"),
        ("rollout.width", "many", "rollout.width: .*integer.*found \"many\""),
        ("train.optimizer.lr", -1.0, "train.optimizer.lr: .*greater than 0"),
        ("train.mini_batch_problems", 1000, "mini_batch_problems is larger than train.batch_problems"),
        ("screen.comparison", "=", "screen.comparison: .*'<=' or '<'"),
        ("name", "a/b", "name: .*pattern"),
        ("task", {"kind": "jsonl"}, "task.*(path|train).*required"),
        ("model.dtype", "bf16", "^spec: model.dtype: bf16 is written 'bfloat16'"),
        ("model.dtype", "torch.float32", "torch.float32 is written 'float32'"),
        ("model.dtype", "fp64", "fp64 is written 'float64'"),
        ("model.dtype", "half", "half overflows in training; did you mean 'bfloat16'"),
        ("model.dtype", "flaot32", "'float64'; did you mean 'float32'"),
        ("mode", "direct", '^spec: mode: unknown field; .* write "rollout": {"kind": "direct", "samples": 8}'),
        ("search", {"width": 2}, '^spec: search: unknown field; .* write "rollout": {"kind": "tree", ...}'),
        ("search.width", 2, '^spec: search: unknown field; .* write "rollout": {"kind": "tree", ...}'),
        ("replay", False, "^spec: replay: names a rollout; write null"),
        ("replay", True, '^spec: replay: names a rollout; write {"kind": "cached"}, which is the default'),
        ("replay", {"kind": "cashed"}, "replay: unknown rollout 'cashed'; allowed: .*did you mean 'cached'"),
        ("rollout", {"kind": "cached"}, "^spec: rollout: 'cached' starts from known solutions.*name it in `replay`"),
        ("beta", 0.1, "^spec: beta: unknown field; TRL's beta is train.loss.kl_coef"),
        ("train.num_generations", 8, "train.num_generations: unknown field; TRL's num_generations is rollout.samples"),
        ("train.loss.epsilon", 0.2, "train.loss.epsilon: unknown field; TRL's epsilon is train.loss.clip_low"),
        ("vllm_server_port", 1, "TRL's vllm_server_port has no counterpart"),
        ("rollout.selector.kind", "a\nb", r"unknown selector 'a\\nb'; allowed"),
        ("rollout.selector.kind", "x" * 2000, "^.{,350}$"),
        ("x" * 2000, 1, "^.{,350}$"),
        ("plugins", ["nope"], "^spec: plugins: 'nope' is not installed"),
    ],
)  # fmt: skip
def test_a_fault_names_its_path_and_what_is_allowed(path, value, expected):
    (line,) = faults(with_value(path, value))
    assert re.search(expected, line), line


def test_all_faults_are_listed_at_once():
    data = override(GOOD, ["rollout.width=0", "train.losss=1", "rollout.selector.kind=nope", "seed=-1"])
    assert len(faults(data)) == 4


def test_missing_parts_are_named():
    assert [line.split(": ")[1] for line in faults({"name": "t"})] == ["model", "task"]


def test_setting_another_kind_drops_the_old_kinds_fields():
    data = override(
        {**GOOD, "rollout": {"kind": "tree", "selector": {"kind": "frontier", "depth_weight": 1.0}}},
        ["rollout.selector.kind=uct"],
    )
    assert tree_of(data).selector.dump() == {"kind": "uct", "exploration": 2.0}


@pytest.mark.parametrize(
    ("part", "kept", "other"),
    [
        ({"rollout": {"width": 3}}, "rollout.kind=tree", "rollout.kind=direct"),
        ({"replay": {"samples": 3}}, "replay.kind=cached", "replay.kind=tree"),
        (
            {"rollout": {"selector": {"depth_weight": 1.0}}},
            "rollout.selector.kind=frontier",
            "rollout.selector.kind=uct",
        ),
        ({"train": {"loss": {"clip_low": 0.1}}}, "train.loss.kind=tree_grpo", "train.loss.kind=cispo"),
        (
            {"rollout": {"kind": "prefix", "rollout": {"samples": 3}}},
            "rollout.rollout.kind=direct",
            "rollout.rollout.kind=tree",
        ),
    ],
)
def test_a_kind_that_was_left_out_is_that_of_its_place(part, kept, other):
    """Setting it keeps the fields, setting another drops them."""
    before, after = (parse_spec(override({**GOOD, **part}, [assignment])).dump() for assignment in (kept, other))
    assert before == parse_spec({**GOOD, **part}).dump()
    assert after == parse_spec(override(before, [other])).dump()


def test_setting_a_field_of_an_unnamed_component_means_the_default_kind():
    assert tree_of(override(GOOD, ["rollout.selector.depth_weight=0.5"])).selector.dump()["depth_weight"] == 0.5


@pytest.mark.parametrize(("assignment", "expected"), [("width", "path=value"), ("name.x=1", "'name' is a value")])
def test_a_bad_override_is_refused(assignment, expected):
    with pytest.raises(SpecError, match=expected):
        override(GOOD, [assignment])


@pytest.mark.parametrize(
    ("text", "expected"),
    [('{\n "a": }', r":2:7: not JSON"), ("[1]", "a JSON object, not list"), ("", r":1:1: not JSON")],
)
def test_a_file_that_is_no_spec_says_where(tmp_path, text, expected):
    file = tmp_path / "spec.json"
    file.write_text(text)
    with pytest.raises(SpecError, match=expected):
        load_spec(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"nothing\.json: cannot be read"):
        load_spec(tmp_path / "nothing.json")


def test_differences_name_the_changed_leaves():
    old = parse_spec(GOOD).dump()
    new = parse_spec(override(GOOD, ["rollout.width=4"])).dump()
    assert differences(old, new) == ["rollout.width: 8 -> 4"]


def test_every_field_of_every_model_is_described():
    def undescribed(model, path=""):
        for name, info in model.model_fields.items():
            if not info.description:
                yield f"{path}{name}"
            if isinstance(info.annotation, type) and hasattr(info.annotation, "model_fields"):
                yield from undescribed(info.annotation, f"{path}{name}.")

    assert list(undescribed(RunSpec)) == []


@pytest.mark.parametrize(
    ("engine", "copies"),
    [({}, 0), ({"pack_from": 0}, 1), ({"kind": "vllm"}, 1)],
    ids=["in process", "packed", "vllm"],
)
def test_the_plan_counts_the_engines_weights(engine, copies):
    memory = make_plan(parse_spec({**GOOD, "engine": engine})).memory
    assert memory["the engine's copy of the weights"] == copies * memory["weights"]


def test_every_name_of_trls_config_is_answered_and_every_answer_is_a_field():
    trl = pytest.importorskip("trl")
    names = [name for name in trl.GRPOConfig.__annotations__ if name not in RunSpec.model_fields]
    assert [name for name in names if trl_answer(name) is None] == []
    assert set(trl.GRPOConfig.__annotations__) & set(RunSpec.model_fields) == set()
    assert [answer for answer in NAMES.values() for path in PATHS.findall(answer) if not is_field(path)] == []


def is_field(path: str) -> bool:
    """Whether a dotted path names a field of a spec, with any kind of component on the way."""
    models = [RunSpec]
    for name in path.split("."):
        if name == "kind":
            continue
        fields = [model.model_fields[name] for model in models if name in model.model_fields]
        if not fields:
            return False
        inner = [field.annotation for field in fields]
        models = [kind for part in inner for kind in kinds_of(part)]
    return True


def kinds_of(annotation) -> list[type]:
    if not isinstance(annotation, type):
        return []
    role = getattr(annotation, "role", None)
    return load_registry().classes(role) if role else [annotation] if hasattr(annotation, "model_fields") else []


@pytest.mark.parametrize("folder", ["examples", "studies", "suites"])
def test_no_file_of_the_repository_points_outside_it(folder):
    files = sorted((ROOT / folder).rglob("*.json"))
    assert files
    assert [str(file) for file in files if re.search(r'"(\.\./|/|~)', file.read_text())] == []
