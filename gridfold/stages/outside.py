"""What lies outside of a stage: the files and variables that it reads, and what it does beside computing.

Each read is a question that can be asked again. What it does beside computing, such as writing a file, belongs to every
run, so that its result is not kept. Both are heard of through audit events (see ``gridfold.identity.reads``), which C
code does not raise for the files that it opens itself: a file that a text of the config names counts as read.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from pathlib import Path
from types import FrameType
from typing import Any

from gridfold.identity import lookups, reads
from gridfold.identity.data import LISTED, MOST_FILES, content, fitting, hash_of
from gridfold.identity.literals import files_named
from gridfold.identity.packages import is_installed
from gridfold.stages.trace import Question, Trace, told

_CORE = os.path.join(Path(__file__).parents[1], "")  # noqa: PTH118
_BUILT_IN = os.path.join(_CORE, "text", "")  # noqa: PTH118 - a trainer like any other
# Between code and what it opens or looks up
_WRAPPERS = (os.path.join(_CORE, "sharing", "write_guard.py"), reads.__file__, lookups.__file__)  # noqa: PTH118
_CHANGES = ("mkdir", "remove", "rename", "rmdir", "symlink", "link", "truncate")
_FOLDER_OF = {"os.remove": 1, "os.rmdir": 1, "os.mkdir": 2}  # which argument is the descriptor of a folder
_STARTS = ("system", "posix_spawn", "exec", "spawn", "fork", "forkpty")
_IMPORTING = "<frozen importlib._bootstrap"
_ASKING = ("ctypes/util.py", "platform.py", "uuid.py")  # of the standard library: start a program to know the machine

_traces: list[Trace] = []  # of the stages that are computing, one in the other
_busy: set[int] = set()  # threads that look into what they have heard
_listening = False


@contextlib.contextmanager
def watched(trace: Trace) -> Iterator[None]:
    """Note in a trace what the process reads and does."""
    _listen()
    _traces.append(trace)
    try:
        yield
    finally:
        _traces.remove(trace)


def answer(question: Question) -> str:
    """What is outside now, which counts for the stages that are computing, too."""
    kind, (name,) = question
    if heard := reads.current():  # the run depends on it, too, though it need not open it
        with contextlib.suppress(ValueError):  # no name of a file
            _TELL[kind](heard, name if kind == "variable" else os.path.abspath(name))  # noqa: PTH100
    found = _ANSWERS[kind](name)
    for trace in _traces:
        trace.note(question, lambda: found)
    return found


def note_names(text: str, trace: Trace) -> None:
    """Note a file or folder that a text of the config names, or may name."""
    if not text or len(text) > 4096 or "\n" in text or "\0" in text:
        return
    path = os.path.expanduser(text)  # noqa: PTH111
    if os.path.isdir(path):  # noqa: PTH112 - asked for every text that a stage reads
        _note(("folder", path), trace)
    elif not os.path.exists(path) and (found := fitting(path)):  # noqa: PTH110
        for each in found:
            _note((_kind(each), each), trace)
    elif os.path.exists(path) or os.sep in path or os.path.splitext(path)[1]:  # noqa: PTH110, PTH122
        _note(("file", path), trace)


def _kind(path: str) -> str:
    if os.path.exists(path):  # noqa: PTH110
        return "folder" if os.path.isdir(path) else "file"  # noqa: PTH112
    return "pattern"


def note_files(texts: Iterable[str], trace: Trace) -> None:
    """Note the files that texts of the code name: a library may open them unheard."""
    for path in files_named(texts, ""):
        _note((_kind(path), path), trace)


def note_all_read(trace: Trace) -> None:
    """Note all that was read before: a function that remembers it does not read it again."""
    heard = reads.start()
    for path in {**heard.earlier, **heard.of_kind("file")}:
        if path.endswith(".py") or path.startswith(tuple(trace.spared)):
            continue
        kind = "names" if path.endswith(LISTED) else "file"
        _note((kind, path.removesuffix(LISTED)), trace)
        if (stamp := heard.earlier.get(path)) and reads.stamp_of(path) != tuple(stamp):
            trace.refuse(f"{path} has changed since it was read")


def note_workers(trace: Trace) -> None:
    """Refuse where processes live that were started before: what they read for the stage is not heard."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing and (workers := multiprocessing.active_children()):
        trace.refuse(f"it may use {workers[0].name}, a process that was started before")


def _note(question: tuple[str, str], trace: Trace) -> None:
    kind, name = question
    if (kind, (name,)) in trace.notes:
        return
    if seen := _ANSWERS[kind](name):
        trace.note((kind, (name,)), lambda: seen)
    else:
        trace.refuse(f"the folder {name} has more than {MOST_FILES} files")


def _file(path: str) -> str:
    try:
        stat = os.stat(path)  # noqa: PTH116
        if not os.path.isfile(path):  # noqa: PTH113
            return "no file"
        return content(os.path.abspath(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)  # noqa: PTH100
    except (OSError, ValueError):
        return "absent"


def _folder(path: str) -> str:
    """Names, sizes and times of all that is in a folder, or the names that fit a pattern; "" if that is too much."""
    return hash_of(path) or ""


def _names(path: str) -> str:
    """The names of what is in a folder itself."""
    try:
        return told(sorted(os.listdir(path)))  # noqa: PTH208
    except (OSError, ValueError):
        return "absent"


def _variable(name: str) -> str:
    return told(os.environ.get(name))


_ANSWERS: Mapping[str, Callable[[str], str]] = {
    "file": _file,
    "folder": _folder,
    "names": _names,
    "pattern": _folder,
    "variable": _variable,
}


_TELL: Mapping[str, Callable[[reads.Reads, str], object]] = {
    "file": lambda heard, path: heard.note_read(path),
    "folder": lambda heard, path: heard.note("file", path),
    "pattern": lambda heard, path: heard.note("file", path),
    "names": lambda heard, path: heard.note("file", os.path.join(path, LISTED)),  # noqa: PTH118
    "variable": lambda heard, name: heard.note("variable", name, os.environ.get(name)),
}


def is_outside(question: Question) -> bool:
    """Whether a question is one of these, and can be asked."""
    kind, path = question
    return kind in _ANSWERS and len(path) == 1 and isinstance(path[0], str)


def _listen() -> None:
    """Hear of all that this process opens, from now on: a hook cannot be taken away again."""
    global _listening  # noqa: PLW0603 - a process has one
    if not _listening:
        _listening = True
        reads.start().listen(_hear, _told)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """What the code of a stage does beside computing."""
    if _traces and event in _EVENTS:
        _look_into(event, lambda caller: caller and _EVENTS[event](event, arguments, caller))


def _told(kind: str, path: str) -> None:
    """What it opens; by way of the import system, only a module that need not be named in its code."""
    if _traces:
        _look_into(path, lambda caller: _notice(kind, path) if caller or path.endswith(".py") else None)


def _look_into(what: str, look: Callable[[FrameType | None], object]) -> None:
    thread = threading.get_ident()
    if thread in _busy:
        return
    _busy.add(thread)
    try:
        look(_caller(sys._getframe(2)))
    except Exception as error:  # it would come out of what the stage does
        _refuse(f"what it does at {what} cannot be told: {error}")
    finally:
        _busy.discard(thread)


def _notice(kind: str, path: str) -> None:
    if _is_own_of_stages(path):
        return
    if kind != "written":
        for trace in _traces:
            _note((kind, path), trace)
    elif not os.path.isdir(path):  # noqa: PTH112 - it would be a file without a name
        _refuse(f"it writes {path}")


def _caller(frame: FrameType | None) -> FrameType | None:
    """The code that does it; None if that is gridfold's, or the import system's."""
    while frame and frame.f_code.co_filename in _WRAPPERS:
        frame = frame.f_back
    file = frame.f_code.co_filename if frame else ""
    own = file.startswith(_CORE) and not file.startswith(_BUILT_IN)
    return None if own or file.startswith(_IMPORTING) else frame


def _changes(event: str, arguments: tuple[Any, ...], __: FrameType) -> None:
    folder = arguments[_FOLDER_OF[event]] if event in _FOLDER_OF else -1
    for path in arguments:
        if isinstance(path, (str, bytes, os.PathLike)):
            inside = "" if folder == -1 else os.readlink(f"/proc/self/fd/{folder}")  # noqa: PTH115
            whole = os.path.join(inside, os.fsdecode(path))  # noqa: PTH118
            if not _is_spared(whole):
                _refuse(f"it changes {whole}")


def _starts(_: str, arguments: tuple[Any, ...], caller: FrameType) -> None:
    if caller.f_code.co_filename.endswith(_ASKING) or _is_imported(caller):
        return
    name = arguments[0] if arguments and isinstance(arguments[0], (str, bytes)) else ""
    _refuse(f"it starts a process{': ' if name else ''}{os.fsdecode(name)}")


def _starts_unheard(_: str, arguments: tuple[Any, ...], caller: FrameType) -> None:
    """Workers of ``multiprocessing`` and of joblib are sent what they need through a pipe as they start."""
    asking = _past_os(caller) if isinstance(arguments[0], int) else None
    if asking and asking.f_globals.get("__name__", "").endswith(reads.SPAWNS):
        _refuse("it starts a process")


def _connects(_: str, arguments: tuple[Any, ...], __: FrameType) -> None:
    address = arguments[-1]
    if isinstance(address, tuple):  # of another machine; a text is a file of this one
        _refuse(f"it asks {address[0]}")


def _connects_to_database(_: str, arguments: tuple[Any, ...], __: FrameType) -> None:
    if arguments[0] != ":memory:":
        _refuse(f"it uses the database {arguments[0]}")


def _sets(_: str, arguments: tuple[Any, ...], caller: FrameType) -> None:
    if _is_users(caller):
        _refuse(f"it sets the environment variable {os.fsdecode(arguments[0])}")


def _makes_temporary(_: str, arguments: tuple[Any, ...], __: FrameType) -> None:
    for trace in _traces:
        trace.spared.append(str(arguments[0]))


_EVENTS: Mapping[str, Callable[[str, tuple[Any, ...], FrameType], None]] = {
    **dict.fromkeys((f"os.{name}" for name in _CHANGES), _changes),
    **dict.fromkeys((f"os.{name}" for name in _STARTS), _starts),
    "subprocess.Popen": _starts,
    "open": _starts_unheard,
    "os.putenv": _sets,
    "os.unsetenv": _sets,
    "socket.connect": _connects,
    "sqlite3.connect": _connects_to_database,
    "tempfile.mkstemp": _makes_temporary,
    "tempfile.mkdtemp": _makes_temporary,
}


_BETWEEN = {os.__file__, os.environ.__class__.__getitem__.__code__.co_filename}
_BETWEEN |= {MutableMapping.get.__code__.co_filename, "<frozen _collections_abc>"}


def _is_users(frame: FrameType | None) -> bool:
    """Whether code of the user's asks, by way of ``os``."""
    asking = _past_os(frame)
    return asking is not None and not is_installed(asking.f_code.co_filename)


def _past_os(frame: FrameType | None) -> FrameType | None:
    while frame and frame.f_code.co_filename in _BETWEEN:
        frame = frame.f_back
    return frame


def _is_imported(frame: FrameType | None) -> bool:
    """Whether a module does it that is being imported."""
    while frame:
        if frame.f_code.co_filename.startswith(_IMPORTING):
            return True
        frame = frame.f_back
    return False


def _refuse(problem: str) -> None:
    for trace in _traces:
        trace.refuse(problem)


def _is_spared(path: str) -> bool:
    """Whether a file is none that a result could depend on without being known by a version, and none of a run's."""
    return _is_own_of_stages(path) or not reads.start().matter(path)


def _is_own_of_stages(path: str) -> bool:
    whole = os.path.abspath(path)  # noqa: PTH100
    spared = [folder for trace in _traces for folder in trace.spared]
    return any(whole == made or whole.startswith(os.path.join(made, "")) for made in spared)  # noqa: PTH118
