"""Why a program failed, by what it printed: as programs of many languages and libraries print it."""

import json
import re

import pytest

from gridfold.trainers.cause import cause, last_words

TRACEBACK = 'Traceback (most recent call last):\n  File "t.py", line 3, in <module>\n    f()\n'
BAR = "\r  0%|          | 0/5 [00:00<?, ?it/s]\r 40%|####      | 2/5 [00:01<00:02,  1.9it/s]\n"
GROUP = TRACEBACK.replace("\n", "\n  | ").rstrip(" |")
HELP = "\noptions:\n  --width N   how wide it is\n  --lr X      the learning rate\n"

WIDTH = f"{TRACEBACK}ValueError: width 7\n"

PYTHON = {
    "a bar after it": f"{WIDTH}{BAR}",
    "a bar before it on its line": f"  0%|          | 0/5 [00:00<?, ?it/s]{TRACEBACK}ValueError: width 7\n",
    "a note": f"{WIDTH}note: it was 6 before\n",
    "an explanation": f"{WIDTH}\t(1) Alternatively, do this.\nCheck the documentation.\n",
    "one after another": f"{TRACEBACK}KeyError: 'a'\n\nDuring handling, another:\n\n{TRACEBACK}ValueError: width 7\n",
    "one that is ignored": f"{WIDTH}Exception ignored in: <f>\n{TRACEBACK}OSError: gone\n",
    "one that is torn": f'{TRACEBACK}ValueError: width 7\n\nTraceback (most recent call last):\n  File "t.py", line',
    "colours": f"\x1b[31m{TRACEBACK}\x1b[1mValueError\x1b[0m: width 7\n",
    "a box": "╭── Traceback (most recent call last) ───╮\n│ /t.py:3 in <module> │\n╰──────╯\nValueError: width 7\n",
    "ranks": "".join(f"[rank0]: {line}\n" for line in WIDTH.splitlines()),
    "docker": "".join(f"t-1  | {line}\n" for line in WIDTH.splitlines()),
    "two at once": "".join(f"[{rank}]:{line}\n" for line in WIDTH.splitlines() for rank in (0, 1)),
    "srun -l": f"0: {TRACEBACK}ValueError: width 7\n".replace("\n", "\n0: ")
    + "\nsrun: error: n1: task 0: Exited with exit code 1",
    "an indented log": f"12:00 ERROR failed\n{WIDTH}".replace("\n", "\n    "),
    "a box in a log": "12:00 ERROR\n  ╭ Traceback (most recent call ╮\n  │ t.py │\n  ╰───╯\n  ValueError: width 7\n",
    "loguru": f"12:00 | ERROR | failed\n{TRACEBACK.replace('  File', '> File', 1)}ValueError: width 7\n",
    "a notebook": "ValueError  Traceback (most recent call last)\nCell In[1], line 1\n--> 1 f()\nValueError: width 7\n",
    "JSON": json.dumps({"level": "error", "error": WIDTH, "step": 3}) + "\n",
    "bytes of a child": f"{WIDTH.encode()!r}\n",
    "a thread that dies of it": f"{WIDTH}Exception in thread T-1 (pin):\n{TRACEBACK}OSError: reset\n",
    "a log that fails": f"{WIDTH}--- Logging error ---\n{TRACEBACK}TypeError: not all\n",
    "a warning after it": f"{WIDTH}/t.py:3: UserWarning: leaked\n  warnings.warn(\n",
}


def lines(text):
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()]


@pytest.mark.parametrize("what", PYTHON)
def test_the_exception_of_the_last_traceback_that_names_one(what):
    assert cause(lines(PYTHON[what])) == "ValueError: width 7"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{TRACEBACK}AssertionError\n", "AssertionError"),
        (
            f"{TRACEBACK}torch.cuda.OutOfMemoryError: CUDA out of memory.\n",
            "torch.cuda.OutOfMemoryError: CUDA out of memory.",
        ),
        (
            f"  + Exception Group {GROUP}  | ExceptionGroup: two (2 sub-exceptions)\n  +-+------- 1 -------\n"
            "    | ValueError: width 7\n    +------- 2 -------\n    | TypeError: b\n    +-------\n",
            "ExceptionGroup: two (2 sub-exceptions): ValueError: width 7",
        ),
        (
            f"  + Exception Group {GROUP}  | ExceptionGroup: two (2 sub-exceptions)\n  +-+------- 1 -------\n"
            "    | Exception Group Traceback (most recent call last):\n    | ExceptionGroup: one (1 sub-exception)\n"
            "    +-+------- 1 -------\n      | Traceback (most recent call last):\n      |   File 't.py', line 3\n"
            "      | ValueError: width 7\n      +------- 2 -------\n    | TypeError: b\n    +-------\n",
            "ExceptionGroup: two (2 sub-exceptions): ValueError: width 7",
        ),
        (
            f"{WIDTH}{TRACEBACK}subprocess.CalledProcessError: Command 'x' failed\n",
            "ValueError: width 7 (subprocess.CalledProcessError: Command 'x' failed)",
        ),
        (f"Exception in thread T-1 (f):\n{TRACEBACK}ValueError: width 7\n", "ValueError: width 7"),
        (f"{TRACEBACK}E: two things:\n  width 7\n  depth 3\n", "E: two things: width 7"),
        (f"{TRACEBACK}E: two things:\n{BAR}", "E: two things:"),
        (f"{TRACEBACK}t.f.<locals>.Bad: width 7\n", "t.f.<locals>.Bad: width 7"),
        (
            f"{TRACEBACK}e.ChildFailedError: \n=====\n  exitcode  : -9 (pid: 3)\n  traceback : Signal 9 received\n",
            "traceback : Signal 9 received (e.ChildFailedError:)",
        ),
        (
            f"t.py: error: no --width\nE1130 elastic] failed (exitcode: 2)\n{TRACEBACK}e.ChildFailedError: \n=====\n"
            "  exitcode  : 2 (pid: 3)\n  traceback : To enable traceback see: x\n",
            "t.py: error: no --width (e.ChildFailedError:)",
        ),
        (
            "  File \"t.py\", line 1\n    f(\n     ^\nSyntaxError: '(' was never closed\n",
            "SyntaxError: '(' was never closed",
        ),
    ],
)
def test_other_exceptions(text, expected):
    assert cause(lines(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "usage: t.py [-h]\nt.py: error: unrecognized arguments: --widht\n",
            "t.py: error: unrecognized arguments: --widht",
        ),
        (f"t.py: error: no --widht\nusage: t.py [--width N]\n{HELP}", "t.py: error: no --widht"),
        (
            "Usage: t.py [OPTIONS]\nTry 't.py --help' for help.\n\nError: No such option: --widht\n",
            "Error: No such option: --widht",
        ),
        ("Usage: t.py\n╭─ Error ────────╮\n│ No such option: --widht │\n╰──────╯\n", "No such option: --widht"),
        ("Error in train(7) : width 7\nCalls: train\nExecution halted\n", "Error in train(7) : width 7"),
        ("Error in train(7) : \n  width 7\nExecution halted\n", "Error in train(7) : width 7"),
        (
            "ERROR: LoadError: width 7\nStacktrace:\n [1] error(s::String)\n   @ ./error.jl:35\n",
            "ERROR: LoadError: width 7",
        ),
        (
            "throw new Error('w');\n^\n\nError: width 7\n    at Object.<anonymous> (/t.js:1:7)\n\nNode.js v20.1.0\n",
            "Error: width 7",
        ),
        (
            "thread 'main' panicked at t.rs:2:5:\nwidth 7\nnote: run with `X`\n",
            "thread 'main' panicked at t.rs:2:5: width 7",
        ),
        ("panic: width 7\n\ngoroutine 1 [running]:\nmain.main()\n\t/t.go:4 +0x18\nexit status 2\n", "panic: width 7"),
        ("terminate called after throwing\n  what():  width 7\nAborted (core dumped)\n", "what():  width 7"),
        (
            'Exception in thread "main" E: a\n\tat M.main(M.java:3)\nCaused by: E: width 7\n\t... 1 more\n',
            "Caused by: E: width 7",
        ),
        ("t.sh: line 3: trainn: command not found\n", "t.sh: line 3: trainn: command not found"),
        (
            "t.sh: line 3: 12 Segmentation fault (core dumped) ./a\n",
            "t.sh: line 3: 12 Segmentation fault (core dumped) ./a",
        ),
        ("x.c:3:1: error: expected ';'\nmake: *** [a] Error 1\n", "x.c:3:1: error: expected ';'"),
        ("12:00:00 INFO x\n12:00:00 ERROR train: width 7\nbye\n", "12:00:00 ERROR train: width 7"),
        (
            "t.sh: line 3: syntax error near unexpected token `fi'\nt.sh: line 3: `fi'\n",
            "t.sh: line 3: syntax error near unexpected token `fi'",
        ),
        (
            "In 'config': Could not find 'db/a'\n\nAvailable options in 'db':\n\tb\n",
            "In 'config': Could not find 'db/a'",
        ),
        ("Epoch 1: error: 0.31\nTestError: 31.5%\nERROR: 3e-1, loss 3\nwidth 7 is bad\n", ""),
        ("loading\nwidth 7 is bad\n", ""),
        ("", ""),
    ],
)
def test_programs_that_are_not_python_or_end_without_a_traceback(text, expected):
    assert cause(lines(text)) == expected


@pytest.mark.parametrize(
    ("after", "killed", "expected"),
    [
        ("epoch 1 loss 0.3\nepoch 2 loss 0.2\nno data for width 7\n", False, ""),
        ("epoch 1 loss 0.3\nepoch 2 loss 0.2\nt.py: error: width 7\n", False, "t.py: error: width 7"),
        ("loss 0.3\n", True, ""),
        ("Fatal Python error: Segmentation fault\n", True, "Fatal Python error: Segmentation fault"),
        (f"\n  more of it\n{BAR}", True, "OSError: retry"),
        ("Saved the checkpoint of epoch 1\n", False, "OSError: retry"),
    ],
)
def test_an_exception_that_a_program_has_survived_is_not_why_it_ends(after, killed, expected):
    assert cause(lines(f"12:00 INFO retry\n{TRACEBACK}OSError: retry\n{after}"), killed=killed) == expected


@pytest.mark.parametrize("said", ["t: a.c:3: main: Assertion `w == 8' failed.", "double free or corruption (!prev)"])
def test_what_is_printed_before_an_abort(said):
    assert cause(lines(f"epoch 1\n{said}\n"), killed=True) == said


@pytest.mark.parametrize(
    "text",
    [f"loading\nwidth 7 is bad\n{BAR}", f"width 7 is bad\nUsage:\n  t [--width=N]\n{HELP}", "width 7 is bad\n----\n"],
)
def test_the_last_words_of_who_says_nothing_of_the_kind(text):
    assert (cause(lines(text)), last_words(lines(text))) == ("", "width 7 is bad")


def test_a_bar_is_better_than_nothing():
    assert last_words(lines(BAR)).startswith("40%")
    assert last_words([]) == ""
