"""What the code of a function names: variables, attributes, modules, texts; and what it reads without naming it."""

from __future__ import annotations

import dis
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

from gridfold.identity.values import of_value

_ANY_VARIABLE = frozenset({"eval", "exec"})  # by which a function may read any of its module
_BY_NAME = frozenset({"import_module", "__import__", "modules"})
_MODULE_OF = {"STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_GLOBAL", "LOAD_NAME"}
_NOT_LOOKS = frozenset({"CACHE", "NOP", "PRECALL", "PUSH_NULL", "RESUME"})  # instructions that stand between others
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR")
_ATTRIBUTE_BY_TEXT = ("getattr", "hasattr", "setattr", "delattr")


@dataclass(frozen=True)
class Code:
    """What a function's code names.

    Attributes:
        handed_on: variables with which it does more than to look up attributes by their names, and the modules that it
            imports and hands on so.
        reads_own: whether it reads variables of its module by texts.
        reads_any: whether nothing says which.
        imports_by_name: whether it imports modules by texts.
    """

    digest: str
    variables: tuple[str, ...]
    modules: tuple[str, ...]
    names: frozenset[str]
    handed_on: frozenset[str]
    reads_own: bool
    reads_any: bool
    imports_by_name: bool

    def imported(self, package: str) -> Iterator[str]:
        """The loaded modules that it imports."""
        above = list(itertools.accumulate(package.split("."), "{}.{}".format)) if package else []
        for name in self.modules:
            yield from (whole for whole in (name, *(f"{start}.{name}" for start in above)) if whole in sys.modules)

    def hands_on(self, module: str) -> bool:
        """Whether it does more with a module that it imports than to look up attributes by their names."""
        return any(f".{module}".endswith(f".{name}") for name in self.handed_on)


@lru_cache(maxsize=10_000)
def look(code: CodeType) -> Code:
    """What a function's code, and that of the functions in it, names."""
    variables, modules, names, handed_on = set[str](), set[str](), set[str](), set[str]()
    parts: list[object] = []
    reads_any = False
    for each in _all(code):
        steps = [step for step in dis.get_instructions(each) if step.opname not in _NOT_LOOKS]
        imports = {str(step.argval) for step in steps if step.opname in ("IMPORT_NAME", "IMPORT_FROM")}
        variables |= {str(step.argval) for step in steps if step.opname in _MODULE_OF}
        handed_on |= set(_handed_on(steps))
        reads_any |= _reads_any(steps)
        bases = [name for name in imports if name]
        modules |= imports | {f"{base}.{name}" for base in bases for name in imports}
        names |= {*each.co_names, *(constant for constant in each.co_consts if isinstance(constant, str))}
        if not _BY_NAME.isdisjoint(each.co_names):
            modules |= {constant for constant in each.co_consts if isinstance(constant, str)}
        parts.append([each.co_name, each.co_code, list(map(str, each.co_names)), _constants(each)])
    return Code(
        digest=of_value(parts),
        variables=tuple(sorted(variables)),
        modules=tuple(sorted(modules)),
        names=frozenset(names),
        handed_on=frozenset(handed_on),
        reads_own=reads_any or "globals" in variables,
        reads_any=reads_any,
        imports_by_name=not _BY_NAME.isdisjoint(names),
    )


def _handed_on(steps: list[dis.Instruction]) -> Iterator[str]:
    """The variables that are used but for an attribute that the code names, and what is imported as one of them."""
    imported: dict[str, str] = {}
    for place, step in enumerate(steps):
        if step.opname.startswith("IMPORT_"):
            stored = [then.argval for then in steps[place + 1 : place + 4] if then.opname.startswith("STORE_")]
            imported |= dict.fromkeys(stored[:1], step.argval)
    for place, (step, then) in enumerate(itertools.pairwise(steps)):
        if not step.opname.startswith("LOAD_") or step.opname in ("LOAD_CONST", *_ATTRIBUTES):
            continue
        by_text = place and steps[place - 1].argval in _ATTRIBUTE_BY_TEXT and _is_text(steps[place + 1 :])
        if not (by_text or (then.opname in _ATTRIBUTES and then.argval != "__dict__")):
            for name in step.argval if isinstance(step.argval, tuple) else [step.argval]:
                yield from filter(None, (str(name), imported.get(name)))


def _reads_any(steps: list[dis.Instruction]) -> bool:
    """Whether a variable of the module is read of which no text says the name."""
    for place, step in enumerate(steps):
        if step.opname not in _MODULE_OF or step.argval not in ("globals", *_ANY_VARIABLE):
            continue
        then = steps[place + 2 : place + 6]
        is_asked = then and then[0].opname == "CONTAINS_OP" and steps[place - 1].opname == "LOAD_CONST"
        by_text = _is_text(then[1:] if then and then[0].opname in _ATTRIBUTES else then)
        if step.argval in _ANY_VARIABLE or not (is_asked or by_text):
            return True
    return False


def _is_text(steps: list[dis.Instruction]) -> bool:
    """Whether what some code begins with is a text that it looks up, or sets, as it is; maybe with a default."""
    match steps:
        case [text, then, *_] if then.opname == "CALL" or then.opname.endswith("_SUBSCR") or then.argrepr == "[]":
            pass
        case [text, default, then, *_] if default.opname not in _ATTRIBUTES and then.opname == "CALL" and then.arg != 0:
            pass
        case _:
            return False
    return text.opname == "LOAD_CONST" and isinstance(text.argval, str)


def _all(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all(constant)


def _constants(code: CodeType) -> list[str]:
    """Of sets, the order is not that of another process."""
    plain = (constant for constant in code.co_consts if not isinstance(constant, CodeType))
    return [repr(sorted(map(repr, each)) if isinstance(each, frozenset) else each) for each in plain]
