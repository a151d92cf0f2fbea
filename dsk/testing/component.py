"""`ComponentContract`: what every component promises, whatever its role. The suites of the roles include it."""

from __future__ import annotations

import inspect
import json
import pickle
from abc import ABC, abstractmethod

import pytest
from hypothesis import HealthCheck, settings
from pydantic import ValidationError

from dsk.core.component import Component

# a contract is inherited on purpose, so one property runs in several classes
quick: settings = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow]
)


class ComponentContract(ABC):
    """A component is a documented, frozen value that a JSON spec can hold."""

    @abstractmethod
    def component(self) -> Component:
        """The component under test; each call gives an equal one."""

    def test_the_spec_form_gives_back_an_equal_component(self) -> None:
        component = self.component()
        fields = json.loads(json.dumps(component.dump()))
        assert fields.pop("kind") == type(component).kind
        assert type(component).model_validate(fields) == component

    def test_it_can_be_sent_to_another_process(self) -> None:
        assert pickle.loads(pickle.dumps(self.component())) == self.component()

    def test_its_fields_cannot_be_changed(self) -> None:
        component = self.component()
        for name in type(component).model_fields:
            with pytest.raises(ValidationError):
                setattr(component, name, getattr(component, name))

    def test_an_unknown_field_is_refused(self) -> None:
        component = self.component()
        with pytest.raises(ValidationError):
            type(component).model_validate({**component.model_dump(mode="json"), "no_such_field": 1})

    def test_the_class_and_every_field_say_what_they_are(self) -> None:
        kind = type(self.component())
        assert (kind.__doc__ or "").strip(), f"{kind.__name__} needs a docstring; its first line is listed"
        assert inspect.getdoc(kind) != inspect.getdoc(kind.__mro__[1]), f"{kind.__name__} needs its own docstring"
        bare = [name for name, info in kind.model_fields.items() if not (info.description or "").strip()]
        assert bare == [], "give each of these fields a description: Field(default=..., description=...)"
