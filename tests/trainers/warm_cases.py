"""What a script can see and do: run as ``python warm_cases.py CASE``, it prints that."""

import atexit
import collections
import dataclasses
import faulthandler
import inspect
import io
import json
import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import typing
import warnings

print("names", sorted(globals()))
print("main", __name__, __file__, __spec__, __package__, __cached__, __doc__[:4], type(__loader__).__name__)
print("flags", sys.flags, sys.warnoptions, sys._xoptions)


OF_SHARING = ("GRIDFOLD_PROCESS", "GRIDFOLD_STAGES_GB")  # which of gridfold's processes it is, and whether runs share


class Kept:
    pass


@dataclasses.dataclass
class Options:
    lr: float = 0.1


def double(number):
    return 2 * number


def of_arguments():
    print(sys.argv, sys.orig_argv, sys.executable, sys.prefix)
    print(os.getcwd(), [each for each in sys.path if "startup" not in each])


def of_streams():
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        print(stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering, type(stream.buffer))
        print(stream is getattr(sys, f"__{stream.name[1:-1]}__"), stream.fileno(), stream.isatty())
    print("first", end=" ")
    print("error first", file=sys.stderr)
    os.system("echo from a shell")
    print("second")
    os.write(1, b"written\n")
    print("input", repr(sys.stdin.read()))


def of_exit():
    sys.exit(int(sys.argv[2]))


def of_exit_none():
    sys.exit()


def of_exit_text():
    print("before")
    sys.exit("it ends here")


def of_exit_list():
    raise SystemExit(["a", 1])


def of_os_exit():
    print("lost or not, as it is buffered")
    os._exit(3)


def of_kill():
    os.kill(os.getpid(), signal.SIGKILL)


def of_terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)


def of_segfault():
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGSEGV)


def of_abort():
    os.abort()


def of_interrupt():
    raise KeyboardInterrupt


def of_error():
    def inner():
        return 1 / 0

    print("before")
    try:
        inner()
    except ZeroDivisionError as error:
        raise ValueError("no such thing") from error


def of_hook():
    def hook(kind, error, trace):
        print("hook", kind, error, trace.tb_frame.f_code.co_name, trace.tb_lineno, sys.last_value is error)

    sys.excepthook = hook
    raise ValueError("seen by a hook")


def of_bad_hook():
    def hook(*_):
        raise RuntimeError("in the hook")

    sys.excepthook = hook
    raise ValueError("first")


def of_code():
    exec(compile("a b", "typed.py", "exec"))


def of_at_exit():
    atexit.register(lambda: print("first, so last", "__file__" in globals(), __name__))

    @atexit.register
    def fails():
        raise ValueError("at the end")

    atexit.register(print, "second")


def of_at_exit_after_exit():
    atexit.register(lambda: print("__file__" in globals()))
    sys.exit(4)


def of_threads():
    def late():
        time.sleep(0.2)
        print("a thread ends after the script")

    threading.Thread(target=late).start()
    threading.Thread(target=time.sleep, args=[60], daemon=True).start()
    print(threading.current_thread(), threading.current_thread() is threading.main_thread())


def of_open_files():
    globals()["left"] = open(os.path.join(os.environ["GRIDFOLD_RUN_DIR"], "left.txt"), "w")
    globals()["left"].write("not closed")


def of_ends():
    class Ends:
        def __del__(self):
            print("it ends", os is not None)

    globals()["ends"] = Ends()


def of_signals():
    for number in sorted(signal.valid_signals()):
        print(number, signal.getsignal(number))
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1), signal.getitimer(signal.ITIMER_REAL))
    print(faulthandler.is_enabled(), os.getsid(0) != os.getpid())


def of_logging():
    print(
        logging.root.handlers, logging.root.level, [each for each in logging.root.manager.loggerDict if "grid" in each]
    )
    logging.warning("a warning")
    logging.basicConfig(level="INFO", format="%(levelname)s %(name)s %(message)s")
    logging.info("some news")


def of_warnings():
    print(warnings.filters)
    warnings.warn("take care", stacklevel=1)
    warnings.warn("take care", DeprecationWarning, stacklevel=1)


def of_modules():
    main = sys.modules["__main__"]
    print(
        main.__dict__ is globals(), inspect.getsource(double), inspect.getfile(Kept), inspect.getmodule(double) is main
    )
    print(typing.get_type_hints(Options), pickle.loads(pickle.dumps(Options(0.2))), Kept.__module__)
    print(pickle.dumps(Kept()), sys.excepthook, sys.displayhook, sys.getrecursionlimit(), sys.getswitchinterval())
    print(__import__("warm_cases") is main, __import__("warm_cases").__name__)


def of_spawn():
    started = multiprocessing.get_context("spawn").Process(target=print, args=[Options()])
    sys.stdout.flush()
    started.start()
    started.join()
    print(started.exitcode)


def of_fork():
    sys.stdout.flush()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.map(double, [1, 2]))
    if not (child := os.fork()):
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def of_variables():
    print({name: text for name, text in os.environ.items() if name not in OF_SHARING})
    print(
        os.environ["GRIDFOLD_INDEX"],
        os.getenv("GRIDFOLD_CONFIG"),
        "GRIDFOLD_FOLD" in os.environ,
        os.getenv("PYTHONPATH"),
    )
    print(type(os.environ), os.environ.get("GRIDFOLD_READS"), os.environb[b"GRIDFOLD_SEED"])


def of_variables_of_programs():
    asked = "import os; print({k: v for k, v in os.environ.items() if k[:8] == 'GRIDFOLD' and k not in OF_SHARING})"
    asked = asked.replace("OF_SHARING", repr(OF_SHARING))
    print(subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout)
    print(
        subprocess.run(
            ["sh", "-c", "echo $GRIDFOLD_RUN_DIR"], env={**os.environ}, capture_output=True, text=True
        ).stdout
    )


def of_files():
    with open("data.txt") as file:
        print(file.read())
    import helper

    print(helper.NAME, helper.__file__, sorted(os.listdir("beside")))


def of_metrics():
    print(json.dumps({"epoch": 1, "loss": 0.5}))
    print(json.dumps({"epoch": 2, "loss": 0.25}))


def of_closed_output():
    sys.stdout.close()


def of_replaced_output():
    sys.stdout = io.StringIO()
    print("nobody sees this")


def of_collections():
    print(collections.Counter("abca"), hash("text"), {*"abcdef"})


if __name__ == "__main__":
    sys.stdout.flush()
    sys.argv[1:] = sys.argv[1].split()  # a case, and what it takes
    print("case", sys.argv[1])
    globals()[f"of_{sys.argv[1]}"]()
    print("end")
