"""What a process opens, lists and starts, as an audit hook hears it.

This module needs nothing of gridfold, and takes Python 3.8: programs that a command starts load it, too (see
``startup/sitecustomize.py``).
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # what a program that is started so loads, it pays for
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TOLD = "GRIDFOLD_READS"  # the environment variable by which programs know the file where they tell what they note

_MOST = 10_000  # things that are noted
_KINDS = ("file", "written", "folder", "package", "program", "variable")
_MADE = ("written", "folder")  # are noted though many were read
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_DEVICES = ("/proc/", "/dev/", "/memfd:")
_MEMORY = "/dev/shm/"  # which people put data into
_SYSTEM = ("/sys", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64")
_HERE = os.path.dirname(os.path.abspath(__file__))
_INSTALLED = (os.path.join(os.path.dirname(os.__file__), ""), os.path.join(os.path.dirname(_HERE), ""))
_CACHES = ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "TRITON_CACHE_DIR")
_PYCACHE = f"{os.sep}__pycache__{os.sep}"
_OWN = os.path.join(_HERE, "")
_ASIDE = ("<frozen importlib", _OWN)
_WALKING = ("<frozen os>", os.__file__, os.path.join(os.path.dirname(os.__file__), "glob.py"))
_HEARD = (f"{os.sep}lib-dynload{os.sep}", f"{os.sep}numpy{os.sep}")  # compiled modules that open files as Python does
_UNHEARD = ("_sqlite3", "_dbm", "_gdbm")  # and standard ones that do not
_FINDERS = ("importlib/metadata/", "importlib_metadata/", "pkg_resources/")  # ask what is installed
_STARTUP = os.path.join(_HERE, "startup")
_SUBPROCESS = os.path.join(os.path.dirname(os.__file__), "subprocess.py")
SPAWNS = ("popen_spawn_posix", "popen_forkserver", "popen_loky_posix")  # modules that start programs unheard
_MOST_OF_FOLDER = 100  # files that are noted one by one where there are too many


class Reads:
    """What this process, and those that it was forked from, have read; it hears from the moment it is made.

    Attributes:
        noted: by kind and name, what else is known:
            ``file``, by absolute path: time, size and number when it was first opened; None if it was not there. A
            path that ends in ``*`` is a folder whose names were listed.
            ``written``, by absolute path: whether it was only added to.
            ``folder``, by absolute path, that was made.
            ``package``, by the path of a top-level module in a folder of installed packages.
            ``program``, by arguments, or a line for a shell, the folder where it was started, and whether it was asked
            to tell what it reads.
            ``variable``, by name, that the user's code looked up: its value then; None if it had none; see ``lookups``.
        here: the working directory when it began.
        variables: the environment when it began, before any code of the user's could set some.
        earlier: files that were read before it began, as those of kind ``file``.
        since: when this process began to stand for runs, in nanoseconds: what has changed since is their own.
        spared: what paths begin with in which nothing matters.
        own_since: when this process itself began, if that is later: it was forked from one that stood for more runs.
    """

    def __init__(self) -> None:
        self.noted: dict[tuple[str, Any], Any] = {}
        self.since = self.own_since = time.time_ns()
        self.here = os.getcwd()
        self.variables = dict(os.environ)
        self.earlier: dict[str, Any] = {}
        self._telling = ""  # a file where this process, and its children, tell what they note
        self.spared = spared_folders(*_SYSTEM, *_INSTALLED)
        self._pid = os.getpid()
        self._stands = False
        self._may_spawn = any(name.endswith(SPAWNS) for name in sys.modules)
        self._is_past = False  # something is here that writes past Python's functions
        self._memory = (-1, -1)  # a file in memory where the children of a run tell
        self._variables: dict[str, str] = {}  # by which programs know where to tell
        self._listeners: list[Callable[[str, tuple[Any, ...]], object]] = []
        self._told_too: list[Callable[[str, str], object]] = []
        self._heard: dict[str, Callable[..., object]] = {
            "open": self._opened,
            "import": self._imported,
            "os.listdir": self._listed,
            "os.scandir": self._listed,
            "os.mkdir": self._made_folder,
            "os.rename": self._made,
            "os.link": self._made,
            "os.symlink": self._made,
            "os.truncate": lambda path, *_: self._made(None, path),
            "sqlite3.connect": self._connected,
            "ctypes.dlopen": self._loaded,
            "subprocess.Popen": self._started,
            "os.posix_spawn": self._spawned,
            "os.exec": self._spawned,
            "os.system": self._ran,
        }
        sys.addaudithook(self._hear)
        os.register_at_fork(before=self._share)

    def begin(self) -> None:
        """From now on this process stands for runs; what was heard before is known."""
        self.earlier = {name: stamp for (kind, name), stamp in self.noted.items() if kind == "file"}
        self.noted.clear()
        self.here, self.since = os.getcwd(), time.time_ns()
        self.adopt()

    def hand_on(self) -> None:
        """From now on those that are forked from this process stand for its runs, with all that was heard."""
        if self._is_memory():
            self._gather()
            os.close(self._memory[0])
        self._stands, self._memory = False, (-1, -1)
        self._let_programs_tell("")

    def adopt(self) -> None:
        """From now on this process, which was forked, stands for runs itself."""
        self._pid, self._stands = os.getpid(), True
        self.own_since = time.time_ns()
        if self._may_spawn:
            self._share()

    def leave_out(self, folder: str) -> None:
        """Note nothing from now on of what is in a folder."""
        self.spared += (os.path.join(folder, ""),)

    def leave_out_file(self, path: str) -> None:
        """Note nothing from now on of a file, given from the root."""
        if path not in self.spared:
            self.spared += (path,)

    def listen(
        self, hear: Callable[[str, tuple[Any, ...]], object], told: Callable[[str, str], object] | None = None
    ) -> None:
        """Let another hear every event, too: a second hook would cost each once more.

        Args:
            hear: gets every event.
            told: gets each path that matters, as the code gives it, after ``file`` if it is read, ``names`` if it is
                listed, ``written``; and each name that the user's code looks up after ``variable``.
        """
        self._listeners.append(hear)
        self._told_too += [told] if told else []

    @property
    def may_have_written(self) -> bool:
        """Whether something suggests that files were written: one was heard, or somebody is here who is not heard."""
        return self.may_be_past or any(kind in _MADE for kind, _ in self.noted)

    @property
    def may_be_past(self) -> bool:
        """Whether files may have been written that were not heard."""
        return self._is_past or self._memory[0] >= 0 or "multiprocessing" in sys.modules

    def of_kind(self, kind: str) -> dict[Any, Any]:
        """What was noted of a kind, by name; also by children of this process."""
        return self.by_kind()[kind]

    def by_kind(self) -> dict[str, dict[Any, Any]]:
        """All that was noted."""
        if self._is_memory():
            self._gather()
        found: dict[str, dict[Any, Any]] = {kind: {} for kind in _KINDS}
        for (kind, name), known in self.noted.items():
            found.get(kind, {})[name] = known  # what was told may be torn
        return found

    def tell(self, file: str) -> None:
        """From now on, tell a file what is noted: whoever has made it takes it in."""
        self._telling = file
        self._let_programs_tell(file)

    def take_in(self, told: bytes) -> None:
        """Note what another process has told."""
        import ast

        for line in told.splitlines():
            try:
                kind, name, known = ast.literal_eval(line.decode("ascii"))
            except (ValueError, SyntaxError, TypeError):
                continue  # it is torn
            self.noted.setdefault((kind, name), known)

    def note(self, kind: str, name: Any, known: Any = None) -> None:
        """Note something, if it is new."""
        if (kind, name) in self.noted or len(self.noted) > 2 * _MOST:
            return
        if kind == "file" and len(self.noted) > _MOST:
            self._note_folders()
            if ("file", os.path.dirname(name)) in self.noted:
                return
        self.noted[kind, name] = known
        line = f"{(kind, name, known)!a}\n".encode()
        if self._telling:
            self._write(line)
        elif os.getpid() != self._pid and self._is_memory():
            os.write(self._memory[0], line)

    def _note_folders(self) -> None:
        """Note folders instead of the many files in them."""
        files = [name for kind, name in self.noted if kind == "file"]
        counts: dict[str, int] = {}
        for name in files:
            folder = os.path.dirname(name)
            counts[folder] = counts.get(folder, 0) + 1
        many = {folder for folder, count in counts.items() if count > _MOST_OF_FOLDER}
        for name in files:
            if os.path.dirname(name) in many:
                del self.noted["file", name]
        self.noted.update({("file", folder): stamp_of(folder) for folder in many})

    def note_read(self, path: str) -> None:
        """Note that a file was read, unless what stands in it is this process's own."""
        if ("file", path) not in self.noted and ("written", path) not in self.noted and not os.path.isdir(path):
            self.note("file", path, stamp_of(path))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        for listener in self._listeners:
            listener(event, arguments)
        heard = self._heard.get(event)
        if heard:
            try:  # noqa: SIM105 - what is imported here, each program of a command pays for
                heard(*arguments)
            except Exception:  # it would be raised where the file is opened
                pass

    def _write(self, line: bytes) -> None:
        if self._telling.startswith(_DEVICES) and "/memfd:reads" not in os.readlink(self._telling):
            return  # whoever wanted to know has ended
        with os.fdopen(os.open(self._telling, os.O_WRONLY | os.O_APPEND), "wb", 0) as output:
            output.write(line)

    def _is_memory(self) -> bool:
        """Whether there is a place to tell; a child may have closed all files, and opened others by their numbers."""
        try:
            return self._memory[1] == os.fstat(self._memory[0]).st_ino
        except OSError:
            return False

    def _gather(self) -> None:
        """Note what children have told."""
        self.take_in(os.pread(self._memory[0], os.fstat(self._memory[0]).st_size, 0))

    def _share(self) -> None:
        """Before a fork: a place where the child can tell."""
        if self._stands and not self._telling and not self._is_memory() and hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("reads")
            self._memory = descriptor, os.fstat(descriptor).st_ino
            self._let_programs_tell(f"/proc/{os.getpid()}/fd/{descriptor}")

    def _let_programs_tell(self, file: str) -> None:
        """Let the Python programs that are started from now on tell a file; this process does not see the variables."""
        path = os.environ.get("PYTHONPATH")
        if file:
            self._variables = {TOLD: file, "PYTHONPATH": _STARTUP}
            for name, value in _with(self._variables, path).items():
                os.putenv(name, value)
        elif self._variables:
            self._variables = {}
            os.unsetenv(TOLD)
            os.putenv("PYTHONPATH", path) if path else os.unsetenv("PYTHONPATH")

    def _opened(self, path: Any, _mode: object, flags: int) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return  # a descriptor
        given = os.fsdecode(path)
        whole = self.matter(given)
        if not whole:
            return
        if not flags & _WRITES or (flags & os.O_RDWR and not flags & os.O_TRUNC):
            self._told("file", whole if given.endswith(".pyc") else given)
            if not sys._getframe(2).f_code.co_filename.startswith(_OWN):  # it looks at what is known already
                self.note_read(whole)
        if flags & _WRITES:
            self._told("written", given)
            self.note("written", whole, bool(flags & os.O_APPEND))

    def _told(self, kind: str, path: str) -> None:
        for told in self._told_too:
            told(kind, path)

    def _imported(self, module: str, path: Any, *_: object) -> None:
        if module.endswith(SPAWNS):
            self._may_spawn = True
            self._share()
        if isinstance(path, str):  # of a compiled module; others are opened
            self._is_past |= module in _UNHEARD or not any(map(path.__contains__, _HEARD))
            self._read(path)

    def _loaded(self, path: Any, *_: object) -> None:
        self._is_past |= path is not None
        self._read(path)

    def _connected(self, path: Any) -> None:
        name = os.fsdecode(path)
        if name.startswith("file:"):
            from urllib.parse import unquote, urlsplit

            name = unquote(urlsplit(name).path)
        self._read(name)
        self._read(f"{name}-wal")  # what was committed last

    def _read(self, path: Any, *_: object) -> None:
        if isinstance(path, (str, bytes, os.PathLike)) and os.path.isfile(whole := self.matter(os.fsdecode(path))):
            self.note_read(whole)

    def _listed(self, path: Any, *_: object) -> None:
        caller = _caller(sys._getframe(2))
        if not isinstance(path, (str, bytes, type(None))) or caller.startswith(_ASIDE):
            return  # a descriptor; the import system; what has been read is looked at
        folder = os.path.join(os.path.abspath(os.fsdecode(path or ".")), "")
        if looks_for_versions(caller, folder):
            return
        if whole := self.matter(folder):
            self._told("names", os.fsdecode(path or "."))
            self.note("file", f"{whole}*")

    def _made(self, _source: object, path: Any, *_: object) -> None:
        if isinstance(path, (str, bytes)) and (whole := self.matter(os.fsdecode(path))):
            self.note("written", whole)

    def _made_folder(self, path: Any, *_: object) -> None:
        if isinstance(path, (str, bytes)) and (whole := self.matter(os.fsdecode(path))):
            self.note("folder", whole)

    def _started(self, program: Any, arguments: Any, folder: Any = None, variables: Any = None, *_: object) -> None:
        self._is_past = True
        self._share()
        if type(variables) is dict and str(variables.get(TOLD, "/proc/")).startswith("/proc/"):
            variables.update(_with(self._variables, variables.get("PYTHONPATH")))
        is_asked = variables is None or type(variables) is type(os.environ) or TOLD in variables  # see ``lookups``
        self._note_program(program, arguments, folder, is_asked=is_asked)

    def _spawned(self, program: Any, arguments: Any, variables: Any) -> None:
        self._is_past = True
        if sys._getframe(2).f_code.co_filename != _SUBPROCESS:  # which has said it
            self._note_program(program, arguments, is_asked=variables is None)

    def _note_program(self, program: Any, arguments: Any, folder: Any = None, *, is_asked: bool) -> None:
        words = [arguments] if isinstance(arguments, (str, bytes, os.PathLike)) else list(arguments)
        named = [os.fsdecode(program)] if program and not isinstance(program, int) else words[:1]
        where = os.fsdecode(folder) if isinstance(folder, (str, bytes, os.PathLike)) else ""
        started = (*map(os.fsdecode, [*named, *words[1:]]),)
        self.note("program", (started, os.path.abspath(where), is_asked))

    def looked_up(self, name: str, value: str | None, *, is_alone: bool) -> None:
        """Hear that the user's code looks up a variable; by itself, or all of them."""
        self._told("variable", name)
        if is_alone:
            self.note("variable", name, value)

    def besides(self) -> dict[bytes, bytes]:
        """The environment variables that a program needs to tell what it reads."""
        needed = _with(self._variables, os.environ.get("PYTHONPATH"))
        return {os.fsencode(name): os.fsencode(value) for name, value in needed.items()}

    def _ran(self, line: Any) -> None:
        self._started(None, ["sh", "-c", line])

    def matter(self, path: str) -> str:
        """A path from the root, of the source if it is that of compiled Python; "" if it does not matter."""
        whole = path if path.startswith("/") else os.path.abspath(path)
        for name in _PACKAGES:
            before, found, inside = whole.partition(name)
            if found:
                module = inside.partition(os.sep)[0]
                if module and not module.endswith((".pth", ".dist-info", ".egg-info", ".egg-link")):
                    self.note("package", f"{before}{found}{module.partition('.')[0]}")
                return ""
        if whole.startswith(self.spared) and not whole.startswith(_MEMORY):
            return ""
        return _source(whole)


def _with(variables: dict[str, str], path: Any) -> dict[str, str]:
    """Variables by which programs know where to tell, with a ``PYTHONPATH`` of theirs."""
    if not path or not variables or not isinstance(path, str):
        return variables
    folders = [_STARTUP, *(folder for folder in path.split(os.pathsep) if folder != _STARTUP)]
    return dict(variables, PYTHONPATH=os.pathsep.join(folders))


def looks_for_versions(file: str, folder: str) -> bool:
    """Whether code in a file lists a folder only to find the version of a package, for which it lists them all."""
    path = (os.path.join(os.path.abspath(each), "") for each in sys.path)
    return any(map(file.__contains__, _FINDERS)) and os.path.join(os.path.abspath(folder), "") in path


def current() -> Reads | None:
    """What this process hears with, if it does."""
    return _current


def origin() -> str:
    """Where this process was when it began to stand for runs, if it does: names of files are short from there."""
    return _current.here if _current else os.getcwd()


def start() -> Reads:
    """Hear from now on, in this process and in those that are forked from it."""
    global _current  # noqa: PLW0603 - a process has one, and a hook cannot be taken away
    if _current is None:
        from gridfold.identity.lookups import watch  # not where this file is executed alone

        _current = Reads()
        watch(_current.looked_up, _current.besides)
    return _current


_current: Reads | None = None


def _caller(frame: Any) -> str:
    """The file of the code that lists a folder, though it be by way of `os.walk` or `glob`."""
    while frame.f_back and frame.f_code.co_filename in _WALKING:
        frame = frame.f_back
    return str(frame.f_code.co_filename)


def _source(path: str) -> str:
    """The source of a compiled file of Python."""
    prefix = sys.pycache_prefix
    if prefix and path.startswith(os.path.join(prefix, "")):
        folder = os.path.dirname(path[len(prefix) :])
    elif _PYCACHE in path:
        folder = os.path.dirname(os.path.dirname(path))
    else:
        return path
    return os.path.join(folder, f"{os.path.basename(path).partition('.')[0]}.py")


def stamp_of(path: str) -> tuple[int, int, int] | None:
    """Time, size and number of a file; None if it is not there."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def spared_folders(*others: str) -> tuple[str, ...]:
    """What the paths begin with in which nothing is the user's own: devices, caches, Python, and others.

    A folder that the working directory is in is none of them.
    """
    here = os.path.join(os.path.realpath(os.curdir), "")
    caches = (os.path.expanduser("~/.cache"), *filter(None, map(os.environ.get, _CACHES)))
    given = (*caches, sys.prefix, sys.base_prefix, *others)
    folders = {os.path.join(way(path), "") for path in given for way in (os.path.abspath, os.path.realpath)}
    return tuple(folder for folder in (*_DEVICES, *sorted(folders)) if not here.startswith(folder))
