"""Which code a program runs that is started with arguments: Python, shell scripts, what those call."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise, takewhile
from pathlib import Path

from gridfold.identity.code import Following
from gridfold.identity.data import called, fitting, hash_of, variables
from gridfold.identity.packages import is_installed
from gridfold.identity.sources import Sources

_PYTHON = re.compile(r"(python|pypy)[\d.]*w?$")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash")
# What runs code that no argument names, or in another place.
_OTHER_INTERPRETERS = """
    make gmake ninja cmake just rake bazel tox nox docker podman nerdctl singularity apptainer kubectl ssh sudo srun
    sbatch qsub bsub Rscript R julia node nodejs deno bun npm npx perl ruby java scala lua luajit php go cargo matlab
    octave dotnet tclsh guile racket sbcl ocaml runghc elixir dart swift
"""
_UNTOLD = frozenset(_OTHER_INTERPRETERS.split())
_SYSTEM = ("/usr/", "/bin/", "/sbin/", "/lib", "/opt/")  # where programs are that nobody edits
_MODULE = ("-m", "--module")
_TAKES = "WXQ"  # options of Python that take an argument
_UNHEARD = frozenset("IES")  # and those with which it says nothing of what it reads
_LONG_TAKES = ("--check-hash-based-pycs",)
_COMPILED = (".c", ".cc", ".cpp", ".cu", ".f90", ".go", ".h", ".hpp", ".rs")  # a program has their names in it
_SCRIPT_BYTES = 1 << 20
_SECONDS = 10  # in which the scripts of a command are looked at once
# Words of a script; what output is sent to is no word of it.
_WORDS = re.compile(r"(?:>>?|\btee(?:\s+-a)?)\s*[^\s;&|]+|[^\s;&|<>()\"'`{}=,]+")
_OUTPUT = (">", "tee ")
_LOGS = (".log", ".out", ".err")
_VERSION = re.compile(r"[\d.-]+$")
_REFERRED = re.compile(
    r"\$(?:\{(\w+)(:?[-=+?])?|([A-Za-z_]\w*))"
)  # to a variable, maybe with what it is without a value
_SET = re.compile(r"\b(\w+)=|\b(?:for|read(?:\s+-\w+)*)\s+(\w+)")
_REPLACED = (
    "what programs read whose PYTHONPATH is replaced or removed: PYTHONPATH=FOLDER:$PYTHONPATH would let them say it"
)
_ALONE = (
    "what Python reads where a program gets its variables by os.spawn…, os.exec… or os.posix_spawn, or in a mapping "
    "that is no dict: subprocess.run(…, env=dict(…)) would let it say it"
)
# Of a command that keeps Python from being heard.
_OWN_PATH = re.compile(
    r"(?:^|[\s;&|(])PYTHONPATH=(?!\S*\$\{?PYTHONPATH)"
    r"|(?<![\w-])(?:unset|export\s+-n|env\s[^;&|\n]*(?:-u|--unset))[\s=]*(?:[A-Z_]+\s+)*PYTHONPATH\b"
    r"|(?<![\w-])env\s+(?:-[^\s-]*i\S*|-|--ignore-environment)\s|\bexec\s+-\w*c"
)
# Python, maybe behind a variable as in "$PY", and its options.
_OPTIONS = re.compile(r"""(?:^|[\s/"'${_;&|(])(?:py|python|pypy)[\d.]*w?\}?["']?((?:\s+-\S+)+)""", re.IGNORECASE)
_ASKED = re.compile(r"""(?:\[|\btest)\s+(?:!\s+)?-[a-zLS]\s+["']?([\w./-]+)""")  # whether a file is there
_NAMES = re.compile(r"[\w/]")  # not the * of a case, nor a [
_PIECE = re.compile(rb"[\x21-\x7e]+[./][\x21-\x7e]+")  # that may be a path, in a program
_COMMENT = re.compile(r"(?m)(?:^|\s)#.*$")
_COMMAND = re.compile(r"(?m)(?:^|[;&|(`]|\b(?:do|then|else|exec|nohup|time)\s)\s*([\w.+-]+)")


def sources_of(arguments: Sequence[str], folder: str = "", *, is_asked: bool = True) -> Sources:
    """The code that a command runs, as far as its arguments, and the scripts that it runs, tell.

    Args:
        arguments: the program first.
        folder: where it is started; the working directory unless it is given.
        is_asked: whether what it starts has the variables by which Python tells what it reads.
    """
    program = _Program(folder or os.getcwd(), _REPLACED if _OWN_PATH.search(" ".join(arguments)) else "")
    program.run(list(arguments))
    found = program.found()
    return found if is_asked or not program.runs_python else found + Sources(untold=_ALONE)


def data_of(arguments: Sequence[str], folder: str = "") -> dict[str, str | None]:
    """The files that are no code, but named in scripts that a command runs, and what is in them; see `sources_of`."""
    if not arguments or _PYTHON.match(os.path.basename(arguments[0])):
        return {}
    moment = int(time.monotonic()) // _SECONDS
    return {called(path): hash_of(path) for path in _data_of(tuple(arguments), folder or os.getcwd(), moment)}


@lru_cache(maxsize=1000)  # the runs of a search ask for the same
def _data_of(arguments: tuple[str, ...], folder: str, _moment: int) -> Sequence[str]:
    program = _Program(folder)
    program.run(list(arguments))
    return sorted(program.data)


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
    """A program that is started in a folder.

    Attributes:
        folder: where it is started.
        untold: why more than its files may matter; "" if nothing more is known to.
        data: files that scripts name and do not run, or ask about.
    """

    folder: str
    untold: str = ""
    data: set[str] = field(default_factory=set)
    _program: str = ""
    _waiting: list[str] = field(default_factory=list)
    _files: set[str] = field(default_factory=set)
    _variables: set[str] = field(default_factory=set)
    _following: dict[tuple[str, ...], Following] = field(default_factory=dict)

    def found(self) -> Sources:
        files = {called(file): hash_of(file) for file in sorted({*self._files, self._program} - {""})}
        files |= variables({name: os.environ.get(name) for name in sorted(self._variables)})
        return sum((each.found() for each in self._following.values()), Sources(files, untold=self.untold))

    @property
    def runs_python(self) -> bool:
        """Whether it is Python, or starts it."""
        return bool(self._following)

    def run(self, arguments: list[str]) -> None:
        """Follow what is run by these arguments, and scripts that scripts run."""
        self._run(arguments)
        while self._waiting:
            self._read(self._waiting.pop(0))

    def _run(self, arguments: list[str]) -> None:
        """The first that is an interpreter or a script says how."""
        for position, argument in enumerate(arguments):
            name, rest = os.path.basename(argument), arguments[position + 1 :]
            path = self._path(argument) if position or os.sep in argument else None
            if position == 0:
                self._note_program(argument)
            if _is_untold(name) and not path:
                self._cannot_tell(f"what {name} runs")
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
            self._program = path
            if _interpreter(path) and not path.startswith(_SYSTEM) and not _PYTHON.match(os.path.basename(path)):
                self._script(path)  # but for one that only chooses a Python, as pyenv's does

    def _python(self, program: str, arguments: list[str]) -> None:
        call = PythonCall.of(arguments)
        self._note_options(option for option in call.options if option)
        rest = [argument for argument in call.rest if argument]
        if call.kind == "m":
            return self._module(program, call.what or "", rest)
        if call.kind == "c":
            self._follow(program, self.folder).code(call.what or "")
        elif not call.what:
            self._cannot_tell("the code that Python reads from its input")
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
            self._cannot_tell("what the shell reads from its input")
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
        self._waiting.append(path)

    def _read(self, path: str) -> None:
        interpreter = _interpreter(path)
        if path.endswith(".py") or _PYTHON.match(interpreter):
            self._python_script(path)
        elif _is_untold(interpreter):
            self._cannot_tell(f"what {interpreter} runs")
        elif content := _content_of(path):
            if b"\0" not in content:
                self._text(content.decode("utf-8", "replace"), os.path.dirname(path))
            elif path.startswith(os.path.join(self.folder, "")):
                self._words([piece.decode() for piece in _PIECE.findall(content)], os.path.dirname(path))

    def _text(self, text: str, folder: str) -> None:
        """Follow the files that are words of a shell script."""
        plain = _COMMENT.sub("", text)
        if name := next(filter(_is_untold, _COMMAND.findall(plain)), ""):
            self._cannot_tell(f"what {name} runs")
        if _OWN_PATH.search(plain):
            self._cannot_tell(_REPLACED)
        for options in _OPTIONS.findall(plain):
            self._note_options(options.split())
        self._variables.update(_referred(plain))
        words = [word for word in _WORDS.findall(plain) if not (word.startswith(_OUTPUT) or word.endswith(_LOGS))]
        for before, word in pairwise(["", *words]):
            if before in _MODULE:
                self._module("", word, [])
        self._words(words, folder)
        self.data.update(path for path in map(self._path_of, _ASKED.findall(plain)) if not os.path.exists(path))

    def _words(self, words: Sequence[str], folder: str) -> None:
        """Follow what words name that is a script; the other files are data."""
        named = filter(os.path.isdir, map(self._path_of, dict.fromkeys(words)))
        here = os.path.join(self.folder, "")  # a folder that has all of the project in it tells nothing
        folders = [self.folder, folder, *(each for each in named if not here.startswith(os.path.join(each, "")))]
        for path in (path for word in words for path in _candidates(word, folders)):
            if path.startswith(_SYSTEM) or is_installed(path):
                continue
            if os.path.isfile(path) and self._is_script(path):
                self._script(path)
            elif not path.endswith(_COMPILED):
                self.data.add(path)

    def _note_options(self, options: Iterable[str]) -> None:
        if option := next(filter(_is_unheard, options), ""):
            self._cannot_tell(f"what Python reads that is started with {option}")

    def _cannot_tell(self, what: str) -> None:
        """The first that is met counts."""
        self.untold = self.untold or what

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


def _is_untold(program: str) -> bool:
    return program in _UNTOLD or _VERSION.sub("", program) in _UNTOLD


def _is_unheard(option: str) -> bool:
    """Whether an option of Python, maybe of several letters, keeps a program from telling what it reads."""
    letters = takewhile(lambda letter: letter not in f"mc{_TAKES}", option[1:])
    return option[:1] == "-" and option[:2] != "--" and not _UNHEARD.isdisjoint(letters)


def _referred(text: str) -> Iterator[str]:
    """The variables of the environment that a script refers to, and does not set, or only where they are not there."""
    own = {name for names in _SET.findall(text) for name in names}
    for braced, default, plain in _REFERRED.findall(text):
        name = braced or plain
        if not name[0].isdigit() and (default or (name in os.environ and name not in own)):
            yield name


def _candidates(word: str, folders: Sequence[str]) -> Iterator[str]:
    """Files that a word of a script may name, also by a pattern, or behind a variable, as in ``$HERE/train.py``."""
    plain = word.strip("$\\") if _NAMES.search(word) else ""
    ends = [plain] + ([plain.partition("/")[2]] if word.startswith(("$", "/")) and "/" in plain else [])
    ends += [plain.removeprefix("-f")] if plain.startswith("-f") else []  # as awk takes a program
    for folder in dict.fromkeys(folders):
        for end in filter(None, ends):
            path = os.path.normpath(os.path.join(folder, end))
            yield from [path] if os.path.isfile(path) else fitting(end, folder)


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


def _content_of(path: str) -> bytes:
    """A script or program, as far as that is looked at."""
    try:
        with open(path, "rb") as file:
            return file.read(_SCRIPT_BYTES)
    except OSError:
        return b""
