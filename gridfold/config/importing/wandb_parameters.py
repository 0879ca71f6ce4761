"""Parameters of a W&B sweep: each distribution in gridfold's words.

``q_...`` distributions draw a number and round it to a multiple of ``q``; ``log_uniform`` and its relatives without
``_values`` take exponents of e.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gridfold.config.importing.imported import (
    Constant,
    Form,
    Imported,
    Parameter,
    Word,
    choices,
    interval,
    is_number,
    rounded,
    steps,
)
from gridfold.config.importing.source import Key
from gridfold.core.errors import nearest
from gridfold.core.values import first_repeat, render

_USUAL_Q = 1
_TAILS = 2  # standard deviations on either side, for a distribution that has no end
_EVENLY = "each value is as likely as another here"


class _Found(NamedTuple):
    """What a distribution becomes, and what is not quite the same."""

    form: Form
    said: str = ""
    problem: str = ""
    todo: str = ""


class _WrongParameterError(Exception):
    """A parameter that W&B would refuse, too."""


def read_parameters(section: Key, imported: Imported, *, is_grid: bool, prefix: str = "") -> None:
    """Add what the section ``parameters`` holds, nested ones too.

    Args:
        section: the section.
        imported: what is added to.
        is_grid: whether the sweep is a grid, in which W&B lists ``q_uniform`` without its end.
        prefix: the path of what holds the section, with a dot at its end.
    """
    for key in section:
        path = f"{prefix}{key.name}"
        nested = key.get("parameters")
        if nested is not None and nested.is_mapping:
            read_parameters(nested, imported, is_grid=is_grid, prefix=f"{path}.")
            continue
        try:
            found = _translated(key.value, is_grid=is_grid)
        except _WrongParameterError as error:
            imported.remark(path, f"left out: {error}", "write its values in the config", where=key.where)
            continue
        imported.add(Parameter(path, found.form, found.said), key.where)
        if found.problem:
            imported.remark(path, found.problem, found.todo, where=key.where)


def _translated(said: Any, *, is_grid: bool) -> _Found:
    if not isinstance(said, Mapping):
        raise _WrongParameterError(f"expected value, values, min and max, or distribution, found {render(said)}")
    name = str(said.get("distribution") or _implied(said))
    if is_grid and name == "q_uniform":
        low, high, q = _numbers(said, "min", "max", "q")
        return _Found(steps(low, _before(low, high, q), q), f"W&B's grid ends before {render(high)}")
    if name not in _DISTRIBUTIONS:
        raise _WrongParameterError(f"no distribution of W&B is called {name}\n{nearest(name, _DISTRIBUTIONS)}".strip())
    found = _DISTRIBUTIONS[name](said)
    if is_grid and isinstance(found.form, Word) and found.form.name != "int":
        todo = f"say how many values: {found.form.name}: [{', '.join(map(render, found.form.numbers))}, 5]"
        return found._replace(problem="a range in a grid, which W&B refuses too", todo=todo)
    return found


def _implied(said: Mapping[str, Any]) -> str:
    """The distribution of a parameter that names none."""
    if "values" in said:
        return "categorical"
    if "value" in said:
        return "constant"
    if "min" not in said or "max" not in said:
        raise _WrongParameterError(
            f"expected value, values, or min and max, found {', '.join(map(str, said)) or 'nothing'}"
        )
    is_whole = type(said["min"]) is type(said["max"]) is int
    return "int_uniform" if is_whole else "uniform"


_DEFAULTS: Mapping[str, float] = {"q": _USUAL_Q, "mu": 0, "sigma": 1, "a": 1, "b": 1}


def _numbers(said: Mapping[str, Any], *names: str) -> Iterator[Any]:
    for name in names:
        value = said.get(name, _DEFAULTS.get(name))
        if not is_number(value):
            raise _WrongParameterError(f"expected a number for {name}, found {render(value)}")
        if name in ("q", "sigma") and value <= 0:
            raise _WrongParameterError(f"{name} has to be positive, found {render(value)}")
        yield value


def _bounds(said: Mapping[str, Any]) -> tuple[Any, Any]:
    low, high = _numbers(said, "min", "max")
    if low >= high:
        raise _WrongParameterError(f"min has to be less than max, found {render(low)} and {render(high)}")
    return low, high


def _positive(low: float, high: float) -> tuple[float, float]:
    if low <= 0:
        raise _WrongParameterError(f"a log scale has positive numbers only, found {render(low)}")
    return low, high


def _before(low: float, high: float, q: float) -> float:
    """The last number of W&B's grid, which is less than the maximum."""
    last = low + (math.ceil(round((high - low) / q, 9)) - 1) * q
    return last if type(last) is int else float(f"{last:.12g}")


def _constant(said: Mapping[str, Any]) -> _Found:
    if "value" not in said:
        raise _WrongParameterError("no value")
    return _Found(Constant(said["value"]))


def _categorical(said: Mapping[str, Any]) -> _Found:
    values = said.get("values")
    if not isinstance(values, list) or not values:
        raise _WrongParameterError(f"expected a list of values, found {render(values)}")
    if "probabilities" in said:
        return _weighted(values, said["probabilities"])
    repeated = first_repeat(values)
    if repeated is None:
        return _Found(choices(values))
    problem = f"{render(values[repeated])} stands in the list twice, which makes it more likely; {_EVENLY}"
    return _Found(choices(values), problem=problem)


def _weighted(values: list[Any], weights: Any) -> _Found:
    if not isinstance(weights, list) or len(weights) != len(values) or not all(map(is_number, weights)):
        raise _WrongParameterError(f"expected as many probabilities as values, found {render(weights)}")
    possible = [value for value, weight in zip(values, weights, strict=True) if weight]
    if not possible:
        raise _WrongParameterError("no value has a probability")
    said = f"probabilities in W&B: {', '.join(map(render, weights))}"
    if len({weight for weight in weights if weight}) == 1:
        return _Found(choices(possible), said if len(possible) < len(values) else "")
    return _Found(choices(possible), said, f"probabilities are not translated; {_EVENLY}")


def _int_uniform(said: Mapping[str, Any]) -> _Found:
    low, high = _bounds(said)
    return _Found(interval("int", math.ceil(low), math.floor(high)))


def _uniform(said: Mapping[str, Any]) -> _Found:
    return _Found(interval("uniform", *_bounds(said)))


def _q_uniform(said: Mapping[str, Any]) -> _Found:
    low, high = _bounds(said)
    (q,) = _numbers(said, "q")
    return _Found(steps(_multiple(low, q), _multiple(high, q), q))


def _multiple(value: float, q: float) -> float:
    """What W&B makes of a number: whole if ``q`` is."""
    return int(round(value / q) * q) if type(q) is int else float(f"{round(value / q) * q:.12g}")


def _log(said: Mapping[str, Any]) -> _Found:
    return _Found(interval("log", *_positive(*_bounds(said))))


def _log_of_exponents(said: Mapping[str, Any]) -> _Found:
    low, high = _bounds(said)
    found = interval("log", *map(_power, (low, high)))
    return _Found(found, f"from e^{render(low)} to e^{render(high)}", *_meant_as_values(low, high))


def _log_of_inverse(said: Mapping[str, Any]) -> _Found:
    low, high = _bounds(said)
    return _Found(interval("log", *map(_power, (-high, -low))), f"from e^{render(-high)} to e^{render(-low)}")


def _power(exponent: float) -> float:
    try:
        return rounded(math.exp(exponent))
    except OverflowError:
        raise _WrongParameterError(f"{render(exponent)} is an exponent of e, and that is too large") from None


def _meant_as_values(low: float, high: float) -> tuple[str, str]:
    """A frequent mistake, which W&B does not notice: the values were given, and not their logarithms."""
    if low < 0 or high > 1:
        return "", ""
    problem = f"log_uniform takes exponents, so W&B draws from {render(_power(low))} to {render(_power(high))}"
    return problem, f"if the values were meant, write {{log: [{render(low)}, {render(high)}]}}"


def _q_log(said: Mapping[str, Any]) -> _Found:
    return _rounded_log(*_positive(*_bounds(said)), *_numbers(said, "q"))


def _q_log_of_exponents(said: Mapping[str, Any]) -> _Found:
    low, high = _bounds(said)
    return _rounded_log(_power(low), _power(high), *_numbers(said, "q"))


def _rounded_log(low: float, high: float, q: float) -> _Found:
    first, last = _multiple(low, q), _multiple(high, q)
    if q == 1 and first > 0:
        return _Found(interval("log_int", int(first), int(last)))
    if type(q) is int:
        problem = f"a log scale in multiples of {q} has no word; {_EVENLY}"
        return _Found(steps(first, last, q), problem=problem, todo="or list the values that you mean")
    problem = f"the values are not rounded to multiples of {render(q)}"
    return _Found(interval("log", rounded(low), rounded(high)), problem=problem)


def _normal(said: Mapping[str, Any]) -> _Found:
    mean, deviation = _numbers(said, "mu", "sigma")
    return _Found(Word("normal", (mean, deviation)))


def _q_normal(said: Mapping[str, Any]) -> _Found:
    (q,) = _numbers(said, "q")
    problem = f"the values are not rounded to multiples of {render(q)}"
    return _normal(said)._replace(problem=problem, todo="for a range of whole numbers, write {int: [low, high]}")


def _log_normal(said: Mapping[str, Any]) -> _Found:
    mean, deviation = _numbers(said, "mu", "sigma")
    ends = _power(mean - _TAILS * deviation), _power(mean + _TAILS * deviation)
    problem = f"log_normal has no word; this is a log scale over 95% of it, e^({render(mean)} ± {_TAILS}·{deviation})"
    return _Found(interval("log", *ends), problem=problem, todo="set the ends that you want")


def _q_log_normal(said: Mapping[str, Any]) -> _Found:
    found = _log_normal(said)
    low, high = found.form.numbers if isinstance(found.form, Word) else (1, 1)
    return found._replace(form=_rounded_log(low, high, *_numbers(said, "q")).form)


def _beta(said: Mapping[str, Any]) -> _Found:
    a, b = _numbers(said, "a", "b")
    problem = "" if a == b == 1 else f"beta has no word; {_EVENLY}"
    return _Found(Word("uniform", (0.0, 1.0)), f"beta({render(a)}, {render(b)}) in W&B", problem)


def _q_beta(said: Mapping[str, Any]) -> _Found:
    (q,) = _numbers(said, "q")
    return _beta(said)._replace(form=steps(_multiple(0, q), _multiple(1, q), q))


_DISTRIBUTIONS: Mapping[str, Callable[[Mapping[str, Any]], _Found]] = {
    "constant": _constant,
    "categorical": _categorical,
    "categorical_w_probabilities": _categorical,
    "int_uniform": _int_uniform,
    "uniform": _uniform,
    "q_uniform": _q_uniform,
    "log_uniform": _log_of_exponents,
    "log_uniform_values": _log,
    "q_log_uniform": _q_log_of_exponents,
    "q_log_uniform_values": _q_log,
    "inv_log_uniform": _log_of_inverse,
    "inv_log_uniform_values": _log,
    "normal": _normal,
    "q_normal": _q_normal,
    "log_normal": _log_normal,
    "q_log_normal": _q_log_normal,
    "beta": _beta,
    "q_beta": _q_beta,
}
