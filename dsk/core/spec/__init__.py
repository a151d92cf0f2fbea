"""`RunSpec` and its parts."""

from dsk.core.spec.course import EvaluateSpec, RewardSpec, RoundsSpec, ScreenSpec
from dsk.core.spec.model import ModelSpec, PromptSpec, SamplingSpec
from dsk.core.spec.run import RunSpec
from dsk.core.spec.train import OptimizerSpec, OverlongSpec, SoftClipSpec, TrainSpec

__all__ = [
    "EvaluateSpec",
    "ModelSpec",
    "OptimizerSpec",
    "OverlongSpec",
    "PromptSpec",
    "RewardSpec",
    "RoundsSpec",
    "RunSpec",
    "SamplingSpec",
    "ScreenSpec",
    "SoftClipSpec",
    "TrainSpec",
]
