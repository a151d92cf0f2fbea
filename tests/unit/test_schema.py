"""The JSON Schema says of a spec what `dsk validate` says of it."""

import json
from pathlib import Path

import jsonschema
import pytest
from plugin_folder import install
from test_spec import GOOD

from dsk.core.component import KIND_LEFT_OUT, ROLE_PLACE
from dsk.core.errors import SpecError
from dsk.core.loading import load_spec, override, parse_spec
from dsk.core.plugins.registry import build_registry, load_registry
from dsk.core.schema import component_schema, spec_schema

ROOT = Path(__file__).parents[2]
SCHEMA = jsonschema.Draft202012Validator(spec_schema(load_registry()))
NESTING = """
from typing import ClassVar
import dsk
from pydantic import BaseModel, Field

class ModelSpec(BaseModel):
    '''A name that the spec has too.'''
    size: int = Field(default=1, description="Size.")

class Wrap(dsk.Filter):
    '''A filter around another one.'''
    kind: ClassVar[str] = "wrap"
    inner: dsk.Filter = Field(default="none", description="The filter inside.")
    model: ModelSpec = Field(default_factory=ModelSpec, description="A nested model.")
    def reason(self, tokens, text):
        return self.inner.reason(tokens, text)

@dsk.hookimpl
def register_filters(register):
    register(Wrap)
"""


def accepts(validator, data) -> bool:
    return validator.is_valid(json.loads(json.dumps(data)))


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA.schema)
    assert not any(mark in json.dumps(SCHEMA.schema) for mark in (ROLE_PLACE, KIND_LEFT_OUT))


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_are_valid_as_written_and_as_resolved(file):
    assert [fault.message for fault in SCHEMA.iter_errors(json.loads(file.read_text()))] == []
    assert [fault.message for fault in SCHEMA.iter_errors(load_spec(file).dump())] == []


@pytest.mark.parametrize(
    "change",
    [
        "rollout.selector=uct", 'rollout.selector={"kind": "uct"}', 'rollout.selector={"depth_weight": 1}',
        'trackers=[{"kind": "wandb"}]', 'trackers=["wandb"]', "filter=none", "plugins=[]",
        "rolout={}", "search={}", "mode=direct", "replay=null", "replay=false", "rollout=direct", "replay=cached",
        'replay={"samples": 3}', 'replay={"width": 3}', 'replay={"kind": "tree", "width": 3}',
        'rollout={"samples": 3}', 'rollout={"kind": "prefix", "rollout": {"kind": "tree"}}',
        'rollout={"kind": "prefix", "rollout": {"samples": 3}}', 'rollout={"kind": "prefix", "rollout": {"width": 3}}',
        "rollout.selector=utc", 'rollout.selector={"kind": "utc"}',
        'rollout.selector={"kind": "uct", "depth_weight": 1}', 'rollout.selector={"exploration": 1}', "rollout.width=0",
        "rollout.width=many", "train.optimizer.lr=-1", "screen.comparison==", "name=a/b", 'task={"train_problems": 4}',
        'task={"kind": "jsonl"}', "rollout.selector=7", "trackers=wandb", "engine=null", 'model.device="tpu"',
    ],
)  # fmt: skip
def test_it_accepts_what_validate_accepts(change):
    data = override(GOOD, [change])
    try:
        parse_spec(data)
        valid = True
    except SpecError:
        valid = False
    assert accepts(SCHEMA, data) == valid


def test_a_spec_may_name_its_schema(tmp_path):
    file = tmp_path / "spec.json"
    file.write_text(json.dumps({"$schema": "dsk.schema.json", **GOOD}))
    assert load_spec(file) == parse_spec(GOOD)
    assert accepts(SCHEMA, json.loads(file.read_text()))


@pytest.mark.parametrize("name", [f"{role}.{kind}" for role, kind in sorted(load_registry().entries)])
def test_each_components_schema_describes_every_field(name):
    role, kind = name.split(".")
    schema = component_schema(load_registry().get(role, kind), load_registry())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [field for field, part in schema["properties"].items() if not part.get("description")] == []


def test_a_plugin_that_nests_its_own_role_is_in_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "dsk-wrap", NESTING)
    registry = build_registry()
    assert registry.problems == []
    validator = jsonschema.Draft202012Validator(spec_schema(registry))
    deep = {"kind": "wrap", "inner": {"kind": "wrap", "inner": {"kind": "wrap", "inner": "garbled"}}}
    assert accepts(validator, {**GOOD, "filter": deep})
    assert parse_spec({**GOOD, "filter": deep}, registry=registry).filter.dump()["inner"]["inner"]["kind"] == "wrap"
    deep["inner"]["inner"]["inner"] = "grabled"
    assert not accepts(validator, {**GOOD, "filter": deep})
    alone = jsonschema.Draft202012Validator(component_schema(registry.get("filter", "wrap"), registry))
    assert accepts(alone, {"kind": "wrap", "model": {"size": 3}})
    assert not accepts(alone, {"kind": "wrap", "model": {"size": "x"}})
