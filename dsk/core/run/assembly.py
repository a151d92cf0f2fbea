"""Every part of a spec, opened in order and closed in reverse."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from dsk.core.model.policy import Policy, load_policy
from dsk.core.roles import EngineSession, ScorerSession, VerifierSession
from dsk.core.run.ledger import Ledger
from dsk.core.run.solutions import Solutions
from dsk.core.run.splits import Split, encode_split, read_problems, shared_problems
from dsk.core.training.learner import Learner
from dsk.core.training.trainer import Trainer


@dataclass(frozen=True)
class Parts:
    """What a run works with; `train` and `held_out` are its problems with their prompts."""

    policy: Policy
    train: Split
    held_out: Split
    learner: Learner
    verifier: VerifierSession
    scorer: ScorerSession
    solutions: Solutions
    engine: EngineSession


def assemble(ledger: Ledger, stack: ExitStack, restore: Callable[[Learner], None]) -> Parts:
    """Open the parts; `restore` puts a checkpoint's weights and state into them before the engine takes the weights."""
    spec, folder = ledger.spec, str(ledger.folder)
    problems = read_problems(spec)
    policy = load_policy(spec.model)
    if spec.scorer.head is not None:
        policy.attach_head(spec.scorer.head)
    train, held_out = (encode_split(found, policy, spec) for found in problems)
    if (told := shared_problems(train, held_out)) is not None:
        ledger.notice(told)
    shaping = (spec.soft_clip, spec.overlong)
    learner = Trainer(policy, spec.train, spec.max_response_tokens, *shaping, temperature=spec.sampling.temperature)
    restore(learner)
    verifier = stack.enter_context(spec.verifier.open())
    scorer = stack.enter_context(spec.scorer.open())
    cache = stack.enter_context(spec.cache.open(folder, spec.task.identity, spec.verifier.identity))
    solutions = Solutions(cache, verifier, policy, learner, ledger)
    engine = stack.enter_context(spec.engine.open(policy))
    return Parts(policy, train, held_out, learner, verifier, scorer, solutions, engine)
