"""`RunSpec`: everything that decides a run, loaded from JSON and checked before anything starts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from dsk.core.component import Otherwise, StrictModel, default_part
from dsk.core.credit_needs import unmet_need
from dsk.core.roles import Cache, Engine, Filter, Rollout, Scorer, Task, Tracker, Verifier
from dsk.core.spec.course import EvaluateSpec, RewardSpec, RoundsSpec, ScreenSpec
from dsk.core.spec.model import ModelSpec, PromptSpec, SamplingSpec
from dsk.core.spec.train import OverlongSpec, SoftClipSpec, TrainSpec


class RunSpec(StrictModel):
    """A whole run; defaults are the published DeepSearch setting."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="The run's folder is `runs/NAME`.")
    seed: int = Field(default=0, ge=0, description="Every random choice of the run derives from it.")
    model: ModelSpec = Field(description="The policy.")
    task: Task = Field(description="Where problems come from.")
    prompt: PromptSpec = Field(default_factory=PromptSpec, description="How problems become prompts.")
    verifier: Verifier = default_part(Verifier)
    max_unjudgeable: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Largest share of reference answers, of train or test, that the verifier cannot judge by; more of"
        " them stop the run before it samples.",
    )
    engine: Engine = default_part(Engine)
    cache: Cache = default_part(Cache)
    filter: Filter = default_part(Filter)
    rollout: Rollout = default_part(Rollout)
    replay: Annotated[Rollout, Otherwise("cached")] | None = Field(
        default_factory=lambda: {"kind": "cached"},  # type: ignore[arg-type]  # resolved by the registry
        description="The rollout for problems with cached solutions; null: `rollout` serves them too.",
        json_schema_extra={"default": {"kind": "cached"}},
    )
    replay_age: int | None = Field(
        default=None,
        ge=1,
        description="Most rounds since a cached solution was found for it to be replayed: those of the last round have"
        " age 1, another run's count as found just before round 0. Older ones stay in the cache, and a problem that has"
        " no others is served by `rollout` again; a round's record counts them (`aged`). null: no bound.",
    )
    scorer: Scorer = default_part(Scorer)
    rewards: RewardSpec = Field(default_factory=RewardSpec, description="How verdicts become rewards.")
    admit: Literal["search", "all"] = Field(
        default="search",
        description="Which correct solutions of problems that stay hard enter the cache after a round: those of"
        " searches (Algorithm 1), or `all`, those of direct rollouts too.",
    )
    sampling: SamplingSpec = Field(default_factory=SamplingSpec, description="Sampling of rollouts.")
    max_response_tokens: int = Field(
        default=16384, ge=1, description="Longest response; a search also ends at depth x step."
    )
    tokens_in_flight: int = Field(
        default=131072,
        ge=1,
        description="Bound on prefix + new tokens of requests under way; one that is larger runs alone.",
    )
    answer_polls: int = Field(
        default=1,
        ge=1,
        description="Polls of the transformers engine that decode beside a verdict or score that a tree waits for,"
        " before all wait: more for a slow verifier. The tree waits for them all, so that a resumed run stays equal.",
    )
    screen: ScreenSpec = Field(default_factory=ScreenSpec, description="Which problems are hard.")
    train: TrainSpec = Field(default_factory=TrainSpec, description="The update.")
    soft_clip: SoftClipSpec = Field(default_factory=SoftClipSpec, description="Soft clipping of node values.")
    overlong: OverlongSpec = Field(default_factory=OverlongSpec, description="Penalty on long responses.")
    rounds: RoundsSpec = Field(default_factory=RoundsSpec, description="When the run ends.")
    evaluate: EvaluateSpec = Field(default_factory=EvaluateSpec, description="Held-out evaluation.")
    keep: Literal["groups", "trees"] = Field(
        default="groups",
        description="What trees/ holds of a step: its groups, or whole trees too (nodes that were not chosen, order of"
        " expansion, selector scores, verdicts).",
    )
    checkpoint_every: int = Field(default=5, ge=1, description="Steps between checkpoints.")
    probe_bound: float = Field(
        default=0.05, gt=0, description="Largest |engine - trainer| log-probability after a weight sync."
    )
    trackers: tuple[Tracker, ...] = Field(default=(), description="Where records go besides events.jsonl.")
    plugins: tuple[str, ...] | None = Field(default=None, description="Only these plugin distributions; null is all.")

    @model_validator(mode="after")
    def _check_sizes(self) -> RunSpec:
        if self.train.mini_batch_problems > self.train.batch_problems:
            raise ValueError("train.mini_batch_problems is larger than train.batch_problems; lower it")
        return self

    @field_validator("replay", mode="before")
    @classmethod
    def _name_replay(cls, value: Any) -> Any:
        """Answer the switch that people expect."""
        if isinstance(value, bool):
            written = '{"kind": "cached"}, which is the default' if value else "null"
            raise PydanticCustomError("replay", "{text}", {"text": f"names a rollout; write {written}"})
        return value

    @field_validator("rollout")
    @classmethod
    def _check_rollout(cls, value: Rollout) -> Rollout:
        if value.needs_solutions:
            text = (
                f"'{value.kind}' starts from known solutions, and problems of which none is known need a rollout too;"
            )
            raise PydanticCustomError("rollout", "{text}", {"text": f"{text} name it in `replay`"})
        return value

    @field_validator("scorer")
    @classmethod
    def _check_scores(cls, value: Scorer, info: ValidationInfo) -> Scorer:
        """Somebody rates steps where a rollout wants it, and the engine can where the policy's own head does."""
        engine: Engine | None = info.data.get("engine")
        if value.head is not None and engine is not None and not engine.gives_values:
            text = (
                f"'{value.kind}' has its values with the samples, and engine '{engine.kind}' gives none;"
                " set engine.kind to 'transformers', or take another scorer"
            )
            raise PydanticCustomError("values", "{text}", {"text": text})
        for place in ("rollout", "replay"):
            rollout: Rollout | None = info.data.get(place)
            if rollout is not None and rollout.needs_scores and not (value.active or value.head is not None):
                text = (
                    f"{place}.{rollout.needs_scores} needs the scores of steps, and '{value.kind}' gives none;"
                    " set scorer.kind to 'value_head' or another that rates, or leave it out"
                )
                raise PydanticCustomError("scores", "{text}", {"text": text})
        return value

    @field_validator("train")
    @classmethod
    def _check_credit(cls, value: TrainSpec, info: ValidationInfo) -> TrainSpec:
        from dsk.core.plugins.registry import load_registry

        context: Any = info.context or {}
        registry = context["registry"] if "registry" in context else load_registry()
        if text := unmet_need(value.advantage, info.data.get("rollout"), info.data.get("replay"), registry):
            raise PydanticCustomError("credit", "{text}", {"text": text})
        return value

    @field_validator("train")
    @classmethod
    def _check_correction(cls, value: TrainSpec, info: ValidationInfo) -> TrainSpec:
        """Importance correction meets samples of another distribution than the engine reports."""
        plain = SamplingSpec.model_validate({})
        sampling = info.data.get("sampling", plain)
        if value.loss.needs_recompute and sampling != plain:
            text = (
                f"loss '{value.loss.kind}': importance correction needs plain sampling, and sampling has temperature"
                f" {sampling.temperature}, top_p {sampling.top_p}, top_k {sampling.top_k}; set them to 1, 1 and 0, or"
                " set train.loss.correction to 'none'"
            )
            raise PydanticCustomError("correction", "{text}", {"text": text})
        return value

    def dump(self) -> dict[str, Any]:
        """The resolved spec as JSON data; loading it again gives an equal spec."""
        return self.model_dump(mode="json")

    def replace(self, **fields: Any) -> RunSpec:
        """A spec with other fields in their place, checked as a whole. Raises SpecError."""
        from dsk.core.loading import checked_spec

        return checked_spec({name: getattr(self, name) for name in self.model_fields_set} | fields)

    def _repr_html_(self) -> str:
        from dsk.core.spec.shown import spec_html

        return spec_html(self, self.name)
