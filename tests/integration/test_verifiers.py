"""Every built-in verifier under the contract, and what each promises beyond it.

1. Stuck or bloated workers are replaced and the pool keeps its size.
2. The caller is not blocked beyond the limits, whichever thread, loop or fork it calls from.
3. Nothing survives the caller, however it ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from dsk.components.verifiers import BoxedVerifier, CommandVerifier, MathVerifier, NumericVerifier
from dsk.components.verifiers.command import FORM
from dsk.core.errors import SpecError, VerdictError, VerifierError
from dsk.core.types import Problem, Verdict
from dsk.core.workers.pool import WorkerPool
from dsk.core.workers.worker import WorkerConfig
from dsk.testing.hostile import hostile_stream, tower
from dsk.testing.verifier import VerifierContract, item, well_formed

JUDGE = Path(__file__).with_name("judge_program.py")
TOWER = tower(4) + "+x"
generous = WorkerConfig(
    time_limit=120, cpu_limit=30, memory_mb=1024, module="dsk.components.verifiers.workers.symbolic"
)


def quick_math(**fields: object) -> MathVerifier:
    return MathVerifier.model_validate({"cpu_limit": 0.2, "workers": 2, **fields})


def judge(**fields: object) -> CommandVerifier:
    return CommandVerifier.model_validate({"program": [sys.executable, str(JUDGE)], "time_limit": 30, **fields})


class TestMath(VerifierContract):
    right = (*VerifierContract.right, ("(x+1)^2", "\\boxed{x^2+2x+1}"), ("\\frac{1}{2}", "\\boxed{0.5}"))
    wrong = (*VerifierContract.wrong, ("(x+1)^2", "\\boxed{x^2+2x+2}"))

    def make_verifier(self) -> MathVerifier:
        return quick_math()


class TestBoxed(VerifierContract):
    def make_verifier(self) -> BoxedVerifier:
        return BoxedVerifier()


class TestNumeric(VerifierContract):
    right = (*VerifierContract.right, ("3.14159265", "about 3.1415927"), ("0.5", "\\boxed{50\\%}"))

    def make_verifier(self) -> NumericVerifier:
        return NumericVerifier()


class TestCommand(VerifierContract):
    def make_verifier(self) -> CommandVerifier:
        return judge()


def test_a_hanging_answer_times_out_and_the_next_is_judged() -> None:
    with quick_math(workers=1).open() as session:
        verdicts = session.verify([item("x", f"\\boxed{{{TOWER}}}"), item("\\sin x+x", "\\boxed{x+\\sin x}")])
        assert [verdict.reason for verdict in verdicts] == ["timeout", "equal"]


def test_an_answer_that_needs_more_memory_than_allowed_is_not_correct_and_costs_one_answer() -> None:
    simple = {"answer": "x+1", "gold": "1+x", "decimals": 6}
    rows = "\\\\".join(["x&y&z"] * 400)
    large = {"answer": f"\\begin{{pmatrix}}{rows}\\end{{pmatrix}}", "gold": "x", "decimals": 6}
    with WorkerPool(generous, 1) as pool:
        pool.run([simple], 300)
        status = Path(f"/proc/{pool.pids()[0]}/status").read_text()
    present = int(status.partition("VmSize:")[2].split()[0]) >> 10
    with WorkerPool(replace(generous, memory_mb=present), 1) as pool:
        reasons = [reply["reason"] for reply in pool.run([large, simple], 300)]
    assert reasons[0] in ("memory", "died", "unparsable", "exhausted")
    assert reasons[1] == "equal"


def test_a_killed_worker_is_replaced_and_the_pool_keeps_its_size() -> None:
    with WorkerPool(generous, 2) as pool:
        task = {"answer": "x+1", "gold": "1+x", "decimals": 6}
        assert [reply["reason"] for reply in pool.run([task] * 4, 300)] == ["equal"] * 4
        for pid in pool.pids():
            os.kill(pid, signal.SIGKILL)
        assert len(pool.run([task] * 8, 300)) == 8
        assert [reply["reason"] for reply in pool.run([task] * 4, 300)] == ["equal"] * 4


@pytest.mark.full
def test_two_thousand_hostile_responses_in_a_row_keep_their_order_and_leave_no_memory_behind() -> None:
    memory: list[int] = []
    stream = hostile_stream(2000)
    with quick_math(cpu_limit=0.1, memo=0).open() as session:
        while texts := list(islice(stream, 200)):
            honest = [item(str(n), f"\\boxed{{{n}}}") for n in range(len(texts))]
            pairs = zip(texts, honest, strict=True)
            verdicts = session.verify([one for text, good in pairs for one in (item("x+1", text), good)])
            assert all(map(well_formed, verdicts))
            assert [verdict.answer for verdict in verdicts[1::2]] == [str(n) for n in range(len(texts))]
            memory.append(psutil.Process().memory_info().rss)
            assert len(session.pool.pids()) == 2
    assert memory[-1] - memory[1] < 16 << 20


def test_whole_number_answers_start_no_worker() -> None:
    with MathVerifier().open() as session:
        session.verify([item(str(n), f"\\boxed{{{m}}}") for n in range(20) for m in range(20)])
        assert session.pool.pids() == []


def test_what_no_worker_begins_in_time_is_a_timeout() -> None:
    with quick_math(batch_limit=1e-9).open() as session:
        assert session.verify([item("\\sin x+x", "\\boxed{x+\\sin x}")])[0].reason == "timeout"


def test_a_closed_session_says_so() -> None:
    with quick_math().open() as session:
        pass
    with pytest.raises(VerifierError, match="closed"):
        session.verify([item("\\sin x+x", "\\boxed{x+\\sin x}")])


def test_it_works_inside_asyncio() -> None:
    async def several(session: object) -> list[list[Verdict]]:
        verify = session.verify  # type: ignore[attr-defined]
        batches = ([item("a+b", "\\boxed{b+a}"), item("2", f"\\boxed{{{n}}}")] for n in range(4))
        return await asyncio.gather(*(asyncio.to_thread(verify, batch) for batch in batches))

    with quick_math().open() as session:
        results = asyncio.run(several(session))
    assert [[v.correct for v in batch] for batch in results] == [[True, n == 2] for n in range(4)]


FORK = """
    import os, sys
    from dsk.components.verifiers import MathVerifier
    from dsk.core.types import Problem
    task = [(Problem("p", "", "a+b"), "\\\\boxed{b+a}")]
    with MathVerifier(workers=1).open() as session:
        assert session.verify(task)[0].correct
        session._memo.clear()
        pid = os.fork()
        correct = session.verify(task)[0].correct
        if not pid:
            os._exit(0 if correct else 1)
        assert correct
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

LOOP = """
    import sys
    from dsk.components.verifiers import MathVerifier
    from dsk.core.types import Problem
    with MathVerifier(workers=1, cpu_limit=300, time_limit=300).open() as session:
        session.verify([(Problem("p", "", "a+b"), "\\\\boxed{b+a}")])
        print(*session.pool.pids(), flush=True)
        session.verify([(Problem("p", "", "x"), sys.argv[1])])
"""


def test_a_fork_gets_workers_of_its_own() -> None:
    assert subprocess.run([sys.executable, "-"], input=dedent(FORK), text=True).returncode == 0


def test_no_worker_outlives_a_caller_killed_in_the_middle() -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", dedent(LOOP), f"\\boxed{{{TOWER}}}"], stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    supervisor = int(caller.stdout.readline())
    descriptor = os.pidfd_open(supervisor)
    caller.kill()
    caller.wait()
    assert ended(descriptor)


def ended(descriptor: int) -> bool:
    """Wait for the process behind a pidfd to end (a minute at most)."""
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(60_000))


@pytest.mark.parametrize(
    ("response", "reason"),
    [("hang", "timeout"), ("die", "died"), ("memory", "died")],
)
def test_a_program_that_misbehaves_costs_one_answer(response: str, reason: str) -> None:
    with judge(workers=1, cpu_limit=0.5, memory_mb=512).open() as session:
        verdicts = session.verify([item("4", response), item("4", "\\boxed{4}")])
    assert [verdict.reason for verdict in verdicts] == [reason, "same"]


@pytest.mark.parametrize(
    ("response", "found"),
    [
        ("share", "a verdict whose 'correct' is not true or false: '{\"correct\": 0.3}'"),
        ("one", "a verdict whose 'correct' is not true or false"),
        ("nan", "a verdict whose 'correct' is not true or false"),
        ("null", "a verdict whose 'correct' is not true or false"),
        ("text", "a verdict whose 'correct' is not true or false"),
        ("posing", "a verdict whose 'correct' is not true or false"),
        ("number", "a verdict whose 'answer' is not text"),
        ("points", "a verdict with the unknown field 'points'"),
        ("score of text", "a verdict whose 'score' is not a number from 0 to 1"),
        ("score of nothing", "a verdict whose 'score' is not a number from 0 to 1"),
        ("score of truth", "a verdict whose 'score' is not a number from 0 to 1"),
        ("score beyond", "a verdict whose 'score' is not a number from 0 to 1"),
        ("score not a number", "a verdict whose 'score' is not a number from 0 to 1"),
        ("list", "JSON that is not an object"),
        ("junk", "a line that is not JSON: 'junk'"),
        ("flood", "a line of more than 1,048,576 bytes"),
        ("twice", "more than one line for one response"),
    ],
)
def test_a_program_that_writes_something_else_than_a_verdict_stops_the_run(response: str, found: str) -> None:
    with judge(workers=1).open() as session, pytest.raises(VerdictError) as caught:
        session.verify([item("4", "\\boxed{4}"), item("4", response), item("4", "\\boxed{4}")])
    message = str(caught.value)
    assert message.startswith(f"verifier.program: '{sys.executable} {JUDGE}' wrote {found}")
    assert message.endswith(f"it must write one line a response: {FORM}")
    assert (len(message.splitlines()), caught.value.exit_code) == (1, 2)


def test_a_programs_score_is_that_of_the_verdict() -> None:
    with judge(workers=1).open() as session:
        given, left_out = session.verify([item("4", "share of points"), item("4", "\\boxed{4}")])
    assert (given.correct, given.score, left_out.score) == (True, 0.3, 1.0)


def test_a_program_that_never_answers_is_an_error() -> None:
    verifier = CommandVerifier(program=(sys.executable, "-c", "raise SystemExit"), workers=1)
    with verifier.open() as session, pytest.raises(VerifierError, match="run it by hand"):
        session.verify([item("4", str(n)) for n in range(8)])


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(SpecError, match="no-such-judge"), CommandVerifier(program=("no-such-judge",)).open():
        pass


def test_a_program_sees_the_whole_problem() -> None:
    problem = Problem("id", ({"role": "user", "content": "q"},), "4", {"source": "s"})
    with judge(workers=1).open() as session:
        verdict = session.verify([(problem, "echo")])[0]
    assert (
        verdict.answer
        == '{"answer": "4", "id": "id", "meta": {"source": "s"}, "prompt": [{"content": "q", "role": "user"}]}'
    )
