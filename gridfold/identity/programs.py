"""Which code a program runs that is started with arguments: Python, shell scripts, what those call."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gridfold.identity.code import Following
from gridfold.identity.data import called, hash_of
from gridfold.identity.packages import is_installed
from gridfold.identity.sources import Sources

_PYTHON = re.compile(r"(python|pypy)[\d.]*w?$")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash")
# What runs code that no argument names, or in another place.
_OTHER_INTERPRETERS = """
    make gmake ninja cmake docker podman nerdctl singularity apptainer kubectl ssh srun sbatch qsub bsub Rscript
    R julia node deno bun npm npx perl ruby java scala lua php go cargo matlab octave dotnet
"""
_UNTOLD = frozenset(_OTHER_INTERPRETERS.split())
_MODULE = ("-m", "--module")
_TAKES = "WXQ"  # options of Python that take an argument
_LONG_TAKES = ("--check-hash-based-pycs",)
_SCRIPT_BYTES = 1 << 20
# Words of a script; what output is sent to is no word of it.
_WORDS = re.compile(r"(?:>>?|\btee(?:\s+-a)?)\s*[^\s;&|]+|[^\s;&|<>()\"'`{}=,]+")
_OUTPUT = (">", "tee ")
_LOGS = (".log", ".out", ".err")
_COMMENT = re.compile(r"(?m)(?:^|\s)#.*$")
_COMMAND = re.compile(r"(?m)(?:^|[;&|(`]|\b(?:do|then|else|exec|nohup|time)\s)\s*([\w.+-]+)")


def sources_of(arguments: Sequence[str], folder: str = "") -> Sources:
    """The code that a command runs, as far as its arguments, and the scripts that it runs, tell.

    Args:
        arguments: the program first.
        folder: where it is started; the working directory unless it is given.
    """
    program = _Program(folder or os.getcwd())
    program.run(list(arguments))
    return program.found()


@dataclass(frozen=True)
class PythonCall:
    """What Python is told to run.

    Attributes:
        kind: ``m`` for a module, ``c`` for code, "" for a file.
        what: which; "" for what comes from the standard input, None if that is known later.
        options: the arguments before.
        rest: the arguments behind.
    """

    kind: str
    what: str | None
    options: Sequence[str | None]
    rest: Sequence[str | None]

    @classmethod
    def of(cls, arguments: Sequence[str | None]) -> PythonCall:
        """What the arguments of Python say; None for one that is known later."""
        place = 0
        while place < len(arguments):
            option = arguments[place]
            if option is None or option == "-" or not option.startswith("-"):
                return cls("", "" if option == "-" else option, arguments[:place], arguments[place + 1 :])
            letter, joined = _first_that_takes(option)
            after = place + (1 if joined or not letter else 2)
            if letter in ("m", "c"):
                what = joined or (arguments[place + 1] if place + 1 < len(arguments) else "")
                return cls(letter, what, arguments[:place], arguments[after:])
            place = after
        return cls("", "", arguments, ())


@dataclass
class _Program:
    """A program that is started in a folder."""

    folder: str
    untold: str = ""
    _files: set[str] = field(default_factory=set)
    _following: dict[tuple[str, ...], Following] = field(default_factory=dict)

    def found(self) -> Sources:
        files = {called(file): hash_of(file) for file in sorted(self._files)}
        return sum((each.found() for each in self._following.values()), Sources(files, untold=self.untold))

    def run(self, arguments: list[str]) -> None:
        """Follow what is run by these arguments: the first that is an interpreter or a script says how."""
        for position, argument in enumerate(arguments):
            name, rest = os.path.basename(argument), arguments[position + 1 :]
            path = self._path(argument) if position or os.sep in argument else None
            if position == 0:
                self._note_program(argument)
            if name in _UNTOLD and not path:
                self.untold = self.untold or f"what {name} runs"
                return None
            if _PYTHON.match(name) and (position == 0 or not path or os.access(path, os.X_OK)):
                return self._python(argument, rest)
            if name in _SHELLS and not argument.endswith(".sh"):
                return self._shell(rest)
            if path and self._is_script(path, is_program=position == 0):
                self._script(path)
                return self._scripts(rest)
            if argument in _MODULE and rest and self._follow("", self.folder).module(rest[0]):
                return self._module("", rest[0], rest[1:])
        return None

    def _note_program(self, argument: str) -> None:
        place = shutil.which(argument, path=os.environ.get("PATH")) if os.sep not in argument else argument
        path = self._path(place or "")
        if path and not is_installed(path):
            self._files.add(path)

    def _python(self, program: str, arguments: list[str]) -> None:
        call = PythonCall.of(arguments)
        rest = [argument for argument in call.rest if argument]
        if call.kind == "m":
            return self._module(program, call.what or "", rest)
        if call.kind == "c":
            self._follow(program, self.folder).code(call.what or "")
        elif not call.what:
            self.untold = self.untold or "the code that Python reads from its input"
        elif path := self._path(call.what):
            self._python_script(path, program)
        return self._scripts(rest)

    def _python_script(self, path: str, program: str = "") -> None:
        if os.path.isdir(path):
            path = os.path.join(path, "__main__.py")
        self._follow(program, os.path.dirname(path)).script(path)

    def _module(self, program: str, module: str, arguments: Sequence[str]) -> None:
        following = self._follow(program, self.folder)
        for name in (f"{module}.__main__", module) if module else ():
            following.start(name)
        self._scripts(arguments)

    def _shell(self, arguments: list[str]) -> None:
        waiting = list(arguments)
        while waiting and waiting[0].startswith(("-", "+")) and waiting[0] != "-":
            option = waiting.pop(0)
            if not option.startswith("--") and "c" in option:
                if waiting:
                    self._text(waiting.pop(0), self.folder)
                return self._scripts(waiting)
            if option in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file") and waiting:
                waiting.pop(0)
        if not waiting or waiting[0] == "-":
            self.untold = self.untold or "what the shell reads from its input"
        elif path := self._path(waiting[0]):
            self._script(path)
        return self._scripts(waiting[1:])

    def _scripts(self, arguments: Sequence[str]) -> None:
        """Follow arguments that are scripts themselves, as a launcher has them."""
        for argument in arguments:
            if (path := self._path(argument)) and self._is_script(path):
                self._script(path)

    def _is_script(self, path: str, *, is_program: bool = False) -> bool:
        return path.endswith((".py", ".sh", ".bash")) or is_program or bool(_interpreter(path))

    def _script(self, path: str) -> None:
        """Follow a file that is run: as its first line, or its name, says."""
        if path in self._files and not path.endswith(".py"):
            return
        self._files.add(path)
        interpreter = _interpreter(path)
        if path.endswith(".py") or _PYTHON.match(interpreter):
            self._python_script(path)
        elif interpreter in _UNTOLD:
            self.untold = self.untold or f"what {interpreter} runs"
        elif (text := _text_of(path)) is not None:
            self._text(text, os.path.dirname(path))

    def _text(self, text: str, folder: str) -> None:
        """Follow the files that are words of a shell script."""
        plain = _COMMENT.sub("", text)
        if name := next((name for name in _COMMAND.findall(plain) if name in _UNTOLD), ""):
            self.untold = self.untold or f"what {name} runs"
        words = [word for word in _WORDS.findall(plain) if not (word.startswith(_OUTPUT) or word.endswith(_LOGS))]
        folders = [self.folder, folder, *filter(os.path.isdir, map(self._path_of, dict.fromkeys(words)))]
        for before, word in zip(["", *words], words, strict=False):
            if before in _MODULE:
                self._module("", word, [])
            for path in _candidates(word, folders):
                if self._is_script(path):
                    self._script(path)
                elif not is_installed(path):
                    self._files.add(path)

    def _path(self, argument: str) -> str | None:
        """A file of the user that an argument names."""
        if not argument or "\0" in argument or len(argument) > 4096:
            return None
        path = self._path_of(argument)
        return path if os.path.exists(path) else None

    def _path_of(self, argument: str) -> str:
        return os.path.normpath(os.path.join(self.folder, os.path.expanduser(argument)))

    def _follow(self, program: str, first: str) -> Following:
        """What follows imports as an interpreter would do it, in whose path this folder comes first."""
        given = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
        installed, is_own = self._installed(program)
        path = (first, *map(self._path_of, given), *installed)
        return self._following.setdefault(path, Following(path, is_own))

    def _installed(self, program: str) -> tuple[list[str], bool]:
        """The folders of packages of an interpreter, and whether it is that of this process."""
        place = shutil.which(program, path=os.environ.get("PATH")) if program else sys.executable
        prefix = Path(place or sys.executable).absolute().parent.parent
        if prefix == Path(sys.prefix):
            return [folder for folder in sys.path if is_installed(os.path.join(folder, ""))], True
        return sorted(map(str, prefix.glob("lib/python3*/site-packages"))), False


def _first_that_takes(option: str) -> tuple[str, str]:
    """The letter of an option of Python that takes an argument, and that argument as far as it is joined to it."""
    if option.startswith("--"):
        return ("-" if option in _LONG_TAKES else ""), ""
    for position, letter in enumerate(option[1:], 2):
        if letter in f"mc{_TAKES}":
            return letter, option[position:]
    return "", ""


def _candidates(word: str, folders: Sequence[str]) -> Iterator[str]:
    """Files that a word of a script may name, also behind a variable, as in ``$HERE/train.py``."""
    plain = word.strip("$\\")
    ends = [plain] + ([plain.partition("/")[2]] if word.startswith(("$", "/")) and "/" in plain else [])
    for folder in dict.fromkeys(folders):
        for end in filter(None, ends):
            path = os.path.normpath(os.path.join(folder, end))
            if os.path.isfile(path):
                yield path


def _interpreter(path: str) -> str:
    """The program that a script's first line names; "" if there is none."""
    try:
        with open(path, "rb") as file:
            line = file.readline(256)
    except OSError:
        return ""
    words = line[2:].decode("utf-8", "replace").split() if line.startswith(b"#!") else []
    names = [os.path.basename(word) for word in words if not word.startswith("-")]
    return names[1] if names[:1] == ["env"] and len(names) > 1 else next(iter(names), "")


def _text_of(path: str) -> str | None:
    """A script; None if it is no text."""
    try:
        with open(path, "rb") as file:
            content = file.read(_SCRIPT_BYTES)
    except OSError:
        return None
    return None if b"\0" in content else content.decode("utf-8", "replace")
