"""`dsk search`: one problem's tree on the terminal."""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from dsk.cli.terminal import console
from dsk.core.model.policy import load_policy
from dsk.core.run.picking import pick_problem
from dsk.core.sampling.scheduler import Scheduler
from dsk.core.sampling.search_tree import ROOT
from dsk.core.sampling.tree_search import TreeSearch
from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec

STEP_CHARACTERS = 60


def print_search(spec: RunSpec, problem_id: str | None) -> None:
    """Search one problem and print its tree: value, visits, entropy and text of every step."""
    problem = pick_problem(spec.task, problem_id)
    policy = load_policy(spec.model)
    seed = derive_seed(spec.seed, "search", problem.id)
    prompt = policy.prompt_tokens(problem, spec.prompt)
    search = TreeSearch(problem, prompt, spec.search, spec.sampling, spec.max_response_tokens, seed)
    screen = console()
    with spec.engine.open(policy) as engine, spec.verifier.open() as verifier, screen.status("searching"):
        (group,) = Scheduler(engine, verifier, policy.decode, spec.tokens_in_flight).run([search])
    screen.print(_draw(search, policy.decode), soft_wrap=True)
    figures = "  ".join(f"{name} {value:g}" for name, value in group.stats.items())
    screen.print(f"answer {problem.answer}  solved {group.solved}  {figures}", soft_wrap=True)


def _draw(search: TreeSearch, decode) -> Tree:
    tree, rewards = search.tree, {item.node: item.reward for item in search.recorded}
    drawn = {ROOT: Tree(Text(str(search.problem.prompt)[:STEP_CHARACTERS], style="bold"))}
    for node in range(1, tree.size):
        text = decode(tree.step_tokens(node)).replace("\n", "\\n")[:STEP_CHARACTERS]
        figures = f"q {tree.value[node]:+.2f}  N {tree.visits[node]}  H {tree.entropy[node]:.2f}  "
        style = {1.0: "green", -1.0: "red"}.get(rewards.get(node, 0.0), "dim" if tree.terminal[node] else "")
        drawn[node] = drawn[int(tree.parent[node])].add(Text(figures + text, style=style))
    return drawn[ROOT]
