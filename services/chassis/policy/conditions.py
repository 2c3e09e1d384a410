"""Questions in CEL that are answered with true or false, and with nothing else.

The engine never raises for a bad value: overflow, division by zero or a missing variable give an
ERROR value whose content is a non-empty text. So a condition holds only when the answer is `True`
itself, and anything but true or false is raised. Left out of the language on purpose: fractions and
untyped values (they escape the check of types), `map`, `matches` and the joining of texts (they
could fill memory and time); there is no clock in it, time comes in as a variable. The engine's
objects are shared by threads; a compiled text is kept for its environment.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from cel_expr_python import cel

from chassis.errors import FailedPrecondition, InvalidArgument
from chassis.policy.domain import Bindable, Policy, Variables, VariableType

TEXT_CHARS_MAX: Final = 2000
STRING_CHARS_MAX: Final = 1000
LIST_ITEMS_MAX: Final = 1000
INTEGER_MAX: Final = 2**63 - 1
PROGRAMS_MAX: Final = 4096
ENVIRONMENTS_MAX: Final = 256
ANSWERS_MAX: Final = 4096

_LIBRARY: Final = """
stdlib:
  exclude_macros: [map]
  exclude_functions:
    - name: double
    - name: dyn
    - name: matches
    - name: _+_
      overloads:
        - id: add_string
        - id: add_bytes
"""
_TYPES: Final = {
    VariableType.INT: cel.Type.INT,
    VariableType.STRING: cel.Type.STRING,
    VariableType.BOOL: cel.Type.BOOL,
    VariableType.TIMESTAMP: cel.Type.TIMESTAMP,
    VariableType.INT_LIST: cel.Type.List(cel.Type.INT),
    VariableType.STRING_LIST: cel.Type.List(cel.Type.STRING),
}


class ConditionInvalid(InvalidArgument):
    """A condition does not compile, or does not ask for true or false."""

    reason = "CONDITION_INVALID"

    def __init__(self, condition: str, problem: str) -> None:
        """Keep the text and what the compiler says, with the line that points at the place."""
        shown = condition[:200]
        super().__init__(
            f"the condition {shown!r} is wrong: {problem}", condition=shown, problem=problem
        )


class ConditionFailed(FailedPrecondition):
    """A condition could not be computed for these values, so that it grants nothing."""

    reason = "CONDITION_FAILED"

    def __init__(self, condition: str, problem: str) -> None:
        """Keep the text and why it has no answer."""
        shown = condition[:200]
        super().__init__(
            f"the condition {shown!r} has no answer: {problem}", condition=shown, problem=problem
        )


class Environment:
    """Hold the variables that conditions may speak about."""

    __slots__ = ("_engine", "_variables")

    def __init__(self, variables: Variables) -> None:
        """Declare the variables to the engine; `environment` keeps the result."""
        self._variables = dict(variables)
        self._engine = cel.NewEnv(
            config=cel.NewEnvConfigFromYaml(_LIBRARY),
            variables={name: _TYPES[kind] for name, kind in variables.items()},
        )

    @property
    def names(self) -> Collection[str]:
        """Return the names of the variables."""
        return self._variables.keys()

    def condition(self, text: str) -> "Condition":
        """Return the compiled text, from memory when it was compiled before.

        Errors: ConditionInvalid.
        """
        return _condition(self, text)

    def bind(self, values: Mapping[str, Bindable]) -> "Bound":
        """Check values against the variables and hand them to the engine.

        Shape: names that are not declared are ignored; a missing one fails only the conditions that
            ask for it.
        Errors: ConditionFailed when a value is not of the declared type or is too long.
        """
        known = {name: value for name, value in values.items() if name in self._variables}
        for name, value in known.items():
            if not _fits(value, self._variables[name]):
                problem = f"the value of this variable is not of type {self._variables[name]}"
                raise ConditionFailed(name, problem)
        return Bound(self, self._engine.Activation(known))

    def compile(self, text: str) -> cel.Expression:
        """Check a text against the variables and make it a program of the engine.

        Errors: ConditionInvalid.
        """
        if not text.strip() or len(text) > TEXT_CHARS_MAX or not _is_unicode(text):
            raise ConditionInvalid(text, f"it is not a text of 1 to {TEXT_CHARS_MAX} characters")
        try:
            program = self._engine.compile(text)
        except RuntimeError as error:
            raise ConditionInvalid(text, str(error)[:1000]) from error
        answer = program.return_type()
        if answer == cel.Type.BOOL:
            return program
        raise ConditionInvalid(text, f"it answers with {answer.name()}, not with true or false")


@dataclass(frozen=True, slots=True)
class Bound:
    """Hold checked values in the engine's own form."""

    environment: Environment
    activation: cel.Activation


class Condition:
    """Hold a compiled question.

    Shape: `asked` names the variables that its text may ask for.
    """

    __slots__ = ("_program", "asked", "environment", "text")

    def __init__(self, within: Environment, text: str) -> None:
        """Compile the text; `Environment.condition` keeps the result."""
        self.text = text
        self.environment = within
        self._program = within.compile(text)
        # A name has no second spelling in the language, so what is not in the text is not asked.
        self.asked = tuple(name for name in within.names if name in text)

    def holds_for(self, values: Mapping[str, Bindable]) -> bool:
        """Tell whether the answer is true, from memory when the same was asked before.

        Shape: values that the text does not ask for are not looked at.
        Errors: ConditionFailed when the answer is neither true nor false.
        """
        asked = [(name, values[name]) for name in self.asked if name in values]
        # Texts alone are remembered: lists rarely come again, and to Python 1 and True are one key.
        if all(type(value) is str for _, value in asked):
            return _answer(self, tuple(asked))
        return self.holds(self.environment.bind(dict(asked)))

    def holds(self, bound: Bound) -> bool:
        """Tell whether the answer is true.

        Errors: ConditionFailed when the answer is neither true nor false.
        """
        assert bound.environment is self.environment, "values are bound to another environment"
        try:
            answer = self._program.eval(bound.activation).value()
        except RuntimeError as error:
            # The engine raises one thing only: a loop that used up its budget.
            raise ConditionFailed(self.text, str(error)) from error
        if answer is True or answer is False:
            return bool(answer)
        raise ConditionFailed(self.text, str(answer)[:500])


def environment(variables: Variables) -> Environment:
    """Return the environment of the variables, from memory when there is one."""
    return _environment(tuple(sorted(variables.items())))


def holds(policy: Policy, name: str, values: Mapping[str, Bindable]) -> bool:
    """Tell whether a condition of a policy is true for the values.

    Errors: ConditionFailed, which never means yes; KeyError when the kind does not promise the
        name.
    """
    return condition_of(policy, name).holds_for(values)


def condition_of(policy: Policy, name: str) -> Condition:
    """Return a condition of a policy, for whoever asks it many times.

    Errors: KeyError when the kind does not promise the name.
    """
    return environment(policy.variables).condition(policy.conditions[name])


def matching(policy: Policy, values: Mapping[str, Bindable]) -> list[str]:
    """Return the names of the conditions that are true for the values, in the order of the policy.

    Errors: ConditionFailed when one of them cannot be computed.
    """
    within = environment(policy.variables)
    bound = within.bind(values)
    return [name for name, text in policy.conditions.items() if within.condition(text).holds(bound)]


@lru_cache(maxsize=ENVIRONMENTS_MAX)
def _environment(variables: tuple[tuple[str, VariableType], ...]) -> Environment:
    return Environment(dict(variables))


@lru_cache(maxsize=PROGRAMS_MAX)
def _condition(within: Environment, text: str) -> Condition:
    return Condition(within, text)


@lru_cache(maxsize=ANSWERS_MAX)
def _answer(condition: Condition, values: tuple[tuple[str, str], ...]) -> bool:
    """Answer; a condition has no clock and no other memory, so the same values answer the same."""
    return condition.holds(condition.environment.bind(dict(values)))


def _fits(value: object, kind: VariableType) -> bool:
    match kind:
        case VariableType.INT:
            return _is_integer(value)
        case VariableType.STRING:
            return _is_string(value)
        case VariableType.BOOL:
            return isinstance(value, bool)
        case VariableType.TIMESTAMP:
            return isinstance(value, datetime) and value.tzinfo is not None
        case VariableType.INT_LIST:
            return _is_list(value, _is_integer)
        case VariableType.STRING_LIST:
            return _is_list(value, _is_string)


def _is_integer(value: object) -> bool:
    # A bool is an int to Python and to the engine; to an author it is not.
    return type(value) is int and -INTEGER_MAX - 1 <= value <= INTEGER_MAX


def _is_string(value: object) -> bool:
    return isinstance(value, str) and len(value) <= STRING_CHARS_MAX and _is_unicode(value)


def _is_unicode(text: str) -> bool:
    """Tell whether a text has no half of a surrogate pair, which the engine cannot take."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_list(value: object, fits: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and len(value) <= LIST_ITEMS_MAX and all(map(fits, value))
