"""What a verifier returns is verdicts, or the run ends with one line that names it."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_run import Contains, save_model, small_spec

from dsk.core.errors import VerdictError
from dsk.core.rounds import run
from dsk.core.sampling.verdicts import judge
from dsk.core.types import Problem, Verdict

ITEMS = [(Problem("p", "q", "1"), "1"), (Problem("p", "q", "1"), "2")]
GOOD = Verdict(False, None, "different")


class Returning:
    def __init__(self, found: Any) -> None:
        self.found = found

    def verify(self, items: object) -> Any:
        return self.found


BAD = [
    ([GOOD, Verdict(0.3, "x", "r")], r"correct = 0\.3 \(float\) for response 2 of 2"),  # pyright: ignore[reportArgumentType]
    ([GOOD, Verdict(1, "x", "r")], r"correct = 1 \(int\)"),  # pyright: ignore[reportArgumentType]
    ([GOOD, Verdict(float("nan"), "x", "r")], r"correct = nan \(float\)"),  # pyright: ignore[reportArgumentType]
    ([GOOD, Verdict(np.True_, "x", "r")], r"correct = np\.True_ \(bool\)"),  # pyright: ignore[reportArgumentType]
    ([Verdict(True, 72, "r"), GOOD], r"answer = 72 \(int\) for response 1"),  # pyright: ignore[reportArgumentType]
    ([Verdict(True, None, None), GOOD], r"reason = None \(NoneType\)"),  # pyright: ignore[reportArgumentType]
    ([GOOD, None], r"None \(NoneType\) for response 2"),
    ([True, False], r"True \(bool\) for response 1"),
    ([GOOD], "1 verdicts for 2 responses"),
    (None, r"None \(NoneType\); it must return a list"),
    ("ok", r"'ok' \(str\); it must"),
    (SimpleNamespace(a="x" * 5000), r"x{20,80}\.\.\. \(SimpleNamespace\)"),
]


@pytest.mark.parametrize(("found", "message"), BAD)
def test_anything_but_verdicts_is_refused_by_name(found, message):
    with pytest.raises(VerdictError, match=message) as caught:
        judge(Returning(found), ITEMS)
    assert str(caught.value).startswith(f"verifier: {__name__}.Returning returned ")
    assert (caught.value.exit_code, len(str(caught.value).splitlines())) == (2, 1)


def test_verdicts_pass_as_they_are():
    assert judge(Returning([GOOD, GOOD]), ITEMS) == [GOOD, GOOD]


class Shares(Contains):
    """Gives a share where a verdict belongs."""

    kind = "shares"

    def verify(self, items):
        return [Verdict(0.3, None, "share") for _ in items]  # pyright: ignore[reportArgumentType]


def test_a_run_with_a_share_for_a_verdict_trains_nothing(tmp_path):
    spec = small_spec(save_model(tmp_path / "model")).model_copy(update={"verifier": Shares()})
    with pytest.raises(VerdictError, match=r"Shares returned correct = 0\.3"):
        run(spec, tmp_path / "run")
    events = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    assert [line for line in events if json.loads(line)["event"] == "update"] == []
