# %% [markdown]
# # Search and train from Python
#
# Everything that the commands do is a function of `dsk`, and what the functions return shows itself in a notebook.
# This page is such a notebook: it was executed by `scripts/make_notebook.py`, and takes a minute or two on two CPU
# cores.

# %%
import numpy as np

import dsk

# %% [markdown]
# ## A spec
#
# A spec says everything that decides a run. This one is that of the quickstart, cut short; a table shows its parts,
# and apart from the rest what is not the default.

# %%
SHORT = ["rounds.count=1", "rounds.steps=4", "screen.problems=32", "train.batch_problems=10", "evaluate.problems=32"]
spec = dsk.load_spec("examples/quickstart.json", [*SHORT, "rollout.max_expansions=24", "evaluate.every=2"])
spec

# %% [markdown]
# ## One search
#
# The bundled model is imperfect on purpose. `dsk.search` grows one problem's tree with it: a line is a step of a
# response, with the place of its expansion, the selector's score when it was chosen, its value `q`, its visits `N`
# and its entropy `H`. `found.page("tree.html")` writes the viewer, in which the search can be played back;
# `found.viewer()` shows it in the notebook.

# %%
found = dsk.search(spec, "train-3")
found

# %% [markdown]
# ## A component of your own
#
# A selector is a class with one method. Nothing has to be registered for it to work from Python: a spec takes the
# object.


# %%
class Surprised(dsk.Selector):
    """Prefers steps that surprised the model: the entropy H(s), less for deep nodes."""

    kind = "surprised"
    depth_weight: float = 0.1

    def scores(self, tree, nodes, rng):
        return tree.entropy[nodes] - self.depth_weight * np.sqrt(tree.depth[nodes])


changed = spec.replace(
    name="surprised", rollout=spec.rollout.model_copy(update={"selector": Surprised(depth_weight=0.05)})
)
other = dsk.search(changed, "train-3", policy=found.policy)
print(f"nodes: {len(found.tree.parent)} and {len(other.tree.parent)}")
print(f"right ends: {found.tree.correct.sum()} and {other.tree.correct.sum()}")

# %% [markdown]
# ## A run
#
# `dsk.run` screens the problems for those that the model finds hard, searches them, trains on the trees, and
# evaluates. In a notebook it shows how far it is.

# %%
frontier = dsk.run(spec)

# %%
frontier

# %% [markdown]
# Its figures are records, ready for a table:

# %%
for step in frontier.steps:
    print(step["step"], f"solved {step['solved']} of {step['problems']}", f"reward {step['group_reward']:+.2f}")

# %% [markdown]
# The trained model answers the task's test problems, or problems of your own (`problems=[dsk.Problem(...)]`):

# %%
dsk.evaluate(spec, frontier, problems=16, samples=4)

# %% [markdown]
# ## Two runs compared
#
# The run with the selector above, at the same number of model tokens. One run each is two models and not two
# methods, and the comparison says so; `dsk.compare_study` runs several seeds of each.

# %%
surprised = dsk.run(changed, listener=dsk.Silent())
dsk.compare_runs(frontier, surprised, title="Which nodes to expand")
