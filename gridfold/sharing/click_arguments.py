"""Commands of click, called with the options of many runs at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from gridfold.core.process.native import hide_from_gc
from gridfold.sharing.columns import exact
from gridfold.sharing.replacing import replace_function
from gridfold.sharing.shared_list import SharedList
from gridfold.sharing.shared_object import share_object
from gridfold.sharing.shared_parameters import Parameters, with_parameters
from gridfold.sharing.side_effects import only_gives_a_value
from gridfold.sharing.untracked import Untracked

_TYPES = ("StringParamType", "IntParamType", "FloatParamType", "BoolParamType", "UUIDParameterType", "Choice")
_TYPES_TOO = ("UnprocessedParamType", "IntRange", "FloatRange", "DateTime")


class ClickCommands:
    """Lets commands stand for many runs, until it is told to stop."""

    def __init__(self) -> None:
        self._command = getattr(sys.modules.get("click.core"), "Command", None)
        self._calls: dict[int, tuple[Any, Callable[..., Any], Mapping[str, Any]]] = {}
        self._undo: list[Callable[[], None]] = []
        if self._command:
            for name, watched in (("make_context", self._watched), ("invoke", self._invoked)):
                self._undo.append(replace_function(self._command, name, watched(getattr(self._command, name))))

    def stop(self) -> None:
        """Do it no longer."""
        while self._undo:
            self._undo.pop()()

    def _watched(self, original: Any) -> Any:
        def make_context(command: Any, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
            if type(args) is not SharedList:
                return original(command, info_name, args, parent, **extra)

            def make(words: list[str]) -> Any:
                return original(command, info_name, list(words), parent, **extra)

            found = self._shared(command, args, make) if parent is None and self._is_plain(command, args) else None
            return found or make(args)

        return make_context

    def _invoked(self, original: Any) -> Any:
        def invoke(command: Any, context: Any) -> Any:
            if id(context) not in self._calls:
                return original(command, context)
            _, callback, arguments = self._calls.pop(id(context))
            return context.invoke(callback, **arguments)

        return invoke

    def _shared(self, command: Any, args: SharedList, make: Callable[[list[str]], Any]) -> Any:
        """The context of a command whose parameters stand for all runs; None if each is to have its own."""
        tracking = args._tracking
        group = tracking.group
        contexts: dict[int, Any] = {}
        errors: dict[int, str] = {}
        for trial in group.trials:
            try:
                contexts[trial] = make(tracking.of(trial))
            except Exception as error:
                errors[trial] = f"{trial}: {type(error).__name__}"
        group.agree(tracking.path, errors.get)
        trials = group.trials
        if trials[0] in errors or len({_beside(contexts[trial]) for trial in trials}) > 1:
            return None
        context = contexts[trials[0]]
        names = [name for name in context.params if len({exact(contexts[t].params[name]) for t in trials}) > 1]
        compiled = with_parameters(command.callback, names) if names else None
        if compiled:
            values = {trial: contexts[trial].params for trial in trials}
            parameters = share_object(group, "", Parameters(), values)
            self._calls[id(context)] = (
                context,
                compiled(parameters),
                {**context.params, **{name: _nothing(name) for name in names}},
            )
            context.params = vars(parameters).copy()
        return context if compiled else None

    def _is_plain(self, command: Any, args: SharedList) -> bool:
        """Whether parsing has no effect but its result."""
        tracking = args._tracking
        words = {word for trial in tracking.group.trials for word in tracking.of(trial)}
        asks = {"--help", *command.context_settings.get("help_option_names", [])}
        return (
            type(command) is self._command
            and not command.deprecated
            and words.isdisjoint(asks)
            and all(map(_is_plain_parameter, command.params))
        )


def _nothing(name: str) -> Untracked:
    """What a variable holds that is never read."""
    held = Untracked(name)
    hide_from_gc(held)
    return held


def _beside(context: Any) -> Any:
    """What a context has beside the values of parameters."""
    sources = context.__dict__.get("_parameter_source", {})
    return exact(list(context.params)), exact(list(context.args)), tuple(sources.items())


def _is_plain_parameter(parameter: Any) -> bool:
    kind = type(parameter)
    return (
        f"{kind.__module__}.{kind.__name__}" in ("click.core.Option", "click.core.Argument")
        and parameter.callback is None
        and not getattr(parameter, "prompt", None)
        and not getattr(parameter, "deprecated", False)
        and not callable(parameter.default)
        and _is_plain_type(parameter.type)
    )


def _is_plain_type(convert: Any) -> bool:
    kind = type(convert)
    if kind.__module__ != "click.types":
        return False
    if kind.__name__ == "Tuple":
        return all(map(_is_plain_type, convert.types))
    if kind.__name__ == "Path":  # it looks at the disk
        return convert.type is None or only_gives_a_value(convert.type)
    if kind.__name__ == "FuncParamType":
        return only_gives_a_value(convert.func)
    return kind.__name__ in (*_TYPES, *_TYPES_TOO)
