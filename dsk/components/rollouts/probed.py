"""`probed`: whole responses, and fresh ones from each of their steps."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from dsk.components.rollouts.jobs.probing import Probing
from dsk.core.component import Otherwise, default_part
from dsk.core.roles import Boundary, Job, Known, Rollout, Setting
from dsk.core.types import Problem


class Probed(Rollout):
    """Responses are cut into steps, and the value of each state is estimated by fresh responses (VinePPO, SPO-chain).

    A state is the prompt with the first steps of a response; K probes are sampled from it, verified and paid for, and
    never trained. Responses that begin with the same steps share nodes and probes. The state after the last step gets
    none, its value is the response's reward; nor does a state after the first `max_states` of a response. A truncated
    probe counts as the verifier judges it.

    For VinePPO cut by `text`; for SPO-chain by `uncertain`, with `prompt` off: no value is taken before the first
    uncertain token. `values` and `mean_rewards` of the trajectories are the mean reward of all verified ends below a
    node, probes included; what an advantage of probes reads are the group's terminals.
    """

    kind: ClassVar[str] = "probed"
    values: ClassVar[str] = "probes"

    samples: int = Field(default=8, ge=1, description="Responses that are trained.")
    probes: int = Field(default=9, ge=1, description="Fresh responses from each state, K.")
    max_states: int = Field(default=0, ge=0, description="States of a response that are probed; 0 is all.")
    prompt: bool = Field(default=True, description="Whether the prompt is a state.")
    boundary: Annotated[Boundary, Otherwise("text")] = default_part(Boundary, "text")
    step_tokens: int = Field(default=0, ge=0, description="Longest step, in tokens; 0 is no bound.")

    @model_validator(mode="after")
    def _check(self) -> Probed:
        if self.boundary.whole_steps and not self.step_tokens:
            raise ValueError(
                f"boundary '{self.boundary.kind}' ends steps at step_tokens, and step_tokens = 0 is no bound; set it"
            )
        return self

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """The responses, then all probes at once: one request a state."""
        return Probing(problem, known, self, seed, setting)

    def group_size(self) -> int:
        """`samples`."""
        return self.samples

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """The responses, or the probes of an early state."""
        fields = "samples" if self.samples >= self.probes else "probes"
        return max(self.samples, self.probes) * max_response_tokens, f"{fields} x max_response_tokens"
