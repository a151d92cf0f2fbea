"""Verifiers: is this response right?"""

from __future__ import annotations

from dsk.components.verifiers.boxed import BoxedVerifier
from dsk.components.verifiers.command import CommandVerifier
from dsk.components.verifiers.countdown import CountdownVerifier
from dsk.components.verifiers.function import FunctionVerifier
from dsk.components.verifiers.language import LanguageVerifier
from dsk.components.verifiers.length import LengthVerifier
from dsk.components.verifiers.math import MathVerifier
from dsk.components.verifiers.numeric import NumericVerifier
from dsk.components.verifiers.tags import TagsVerifier
from dsk.components.verifiers.weighted import WeightedVerifier
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_verifiers(register: Register) -> None:
    """Register the built-in verifiers."""
    register(BoxedVerifier)
    register(CommandVerifier)
    register(CountdownVerifier)
    register(FunctionVerifier)
    register(LanguageVerifier)
    register(LengthVerifier)
    register(MathVerifier)
    register(NumericVerifier)
    register(TagsVerifier)
    register(WeightedVerifier)
