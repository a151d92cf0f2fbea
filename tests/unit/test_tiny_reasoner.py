"""The bundled model: its directory, its tokenizer, and the traces that it was pretrained on."""

import random
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from transformers import AutoConfig, AutoTokenizer

from dsk.components.tasks.arithmetic import Arithmetic, draw_chain, split_of, write_prompt

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "dsk" / "assets" / "tiny-reasoner"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("make_tiny_reasoner", ROOT / "scripts" / "make_tiny_reasoner.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chains(count: int) -> list[tuple[int, tuple[int, ...]]]:
    rng = random.Random(0)
    return [draw_chain(rng, 4, 12) for _ in range(count)]


def test_the_directory_is_a_small_safetensors_model() -> None:
    assert sum(file.stat().st_size for file in MODEL.iterdir()) <= 8_000_000
    assert not list(MODEL.glob("*.bin"))
    assert AutoConfig.from_pretrained(MODEL).model_type in ("llama", "qwen2")


def test_the_bundled_tokenizer_is_the_scripts(script: ModuleType) -> None:
    assert AutoTokenizer.from_pretrained(MODEL).get_vocab() == script.make_tokenizer().get_vocab()


def test_prompts_and_traces_survive_the_tokenizer() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    for problem in Arithmetic(train_problems=50).problems("train"):
        ids = tokenizer.encode(problem.prompt, add_special_tokens=False)
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids) == problem.prompt


def test_careful_traces_are_always_right(script: ModuleType) -> None:
    for start, operands in chains(300):
        trace = script.write_trace(random.Random(0), start, operands, careful=1.0)
        assert trace.endswith(f"\\boxed{{{(start + sum(operands)) % 100}}}")


def test_careless_steps_are_right_exactly_where_nothing_is_carried(script: ModuleType) -> None:
    for value in range(100):
        for operand in [*range(10, 100), *range(-99, -9)]:
            units = value % 10 + (operand % 10 if operand > 0 else -(-operand % 10))
            right = script.careless_step(value, operand)[1] == (value + operand) % 100
            assert right == (0 <= units < 10)


def test_pretraining_draws_no_problem_of_the_test_split(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(script, "write_prompt", lambda *chain: written.append(write_prompt(*chain)) or written[-1])
    tokenizer = script.make_tokenizer()
    ids, labels = script.draw_batch(random.Random(0), tokenizer, 64, (3, 6))
    kept = {tokenizer.decode(row[: row.index(tokenizer.eos_token_id)]).split("?\n")[0] + "?\n" for row in ids.tolist()}
    assert {split_of(prompt) for prompt in written} == {"train", "test"}
    assert {split_of(prompt) for prompt in kept} == {"train"}
    assert ids.shape == labels.shape
