"""Random scripts that parse arguments and read them in random orders, and the arguments of several runs of each."""

import random

_HEAD = """
import argparse, copy, dataclasses, json, os, pickle, random, sys
from pathlib import Path

log = []


def str2bool(v):
    if isinstance(v, bool):
        return v
    if v.lower() in ("yes", "true", "1"):
        return True
    if v.lower() in ("no", "false", "0"):
        return False
    raise argparse.ArgumentTypeError("Boolean value expected.")


def noted(text):
    log.append(text)
    return float(text)


def pair(text):
    left, right = text.split(",")
    return int(left), int(right)


class Keep(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, [values, option_string])


class Count(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        log.append(values)
        setattr(namespace, self.dest, len(log))


class Empty:
    pass


def helper(args, name):
    return getattr(args, name, None)


def doubled(value):
    return value * 2


def show(label, make):
    try:
        print(label, make())
    except (Exception, SystemExit) as error:
        print(label, type(error).__name__, error)
"""

# An option: how it is added, and words that give it a value.
_OPTIONS = {
    "lr": ("'--lr', type=float, default=0.1", ["--lr 0.1", "--lr 0.2", "--lr=3e-4", "--l 1"]),
    "epochs": ("'-e', '--epochs', type=int, default=3", ["--epochs 3", "-e 4", "-e5", "--epochs 3.5"]),
    "opt": ("'--opt', choices=['sgd', 'adam'], default='sgd'", ["--opt sgd", "--opt adam", "--opt lamb"]),
    "fast": ("'--fast', action='store_true'", ["--fast", ""]),
    "no_cache": ("'--no-cache', action='store_false'", ["--no-cache", ""]),
    "amp": ("'--amp', type=str2bool, nargs='?', const=True, default=False", ["--amp", "--amp no", "--amp yes", ""]),
    "sizes": ("'--sizes', type=int, nargs='+', default=[1, 2]", ["--sizes 1 2", "--sizes 3", "", "--sizes 1 x"]),
    "name": ("'--name'", ["--name a", "--name bb", "--name cc", ""]),
    "out": ("'--out', type=Path, default=Path('out')", ["--out out", "--out a/b", "--out a/../b"]),
    "tags": ("'--tags', action='append', default=['x']", ["--tags y", "--tags y --tags z", ""]),
    "v": ("'-v', action='count', default=0", ["-v", "-vv", ""]),
    "shape": ("'--shape', type=pair", ["--shape 1,2", "--shape 2,1", "--shape 1"]),
    "root": ("'--root', type=lambda text: text.upper()", ["--root a", "--root b"]),
    "keep": ("'--keep', action=Keep", ["--keep a", "--keep b"]),
    "count": ("'--count', action=Count", ["--count a", "--count b", ""]),
    "noted": ("'--noted', type=noted, default='1'", ["--noted 1", "--noted 2", ""]),
    "mix": ("'--mix', action=argparse.BooleanOptionalAction, default=True", ["--mix", "--no-mix", ""]),
    "fn": ("'--fn', action='store_const', const=doubled", ["--fn", ""]),
    "data": ("'data', nargs='?', default='here'", ["there", "", "elsewhere"]),
}
_NUMBERS = ("lr", "epochs", "v", "noted")

# What a script does: with a name of an option, and another name or number.
_STEPS = [
    "print('{x}', args.{x})",
    "print(args.{x}, args.{y})",
    "show('get', lambda: getattr(args, 'NAMES'[0:0] + '{x}'))",
    "show('or', lambda: getattr(args, '{y}_', {n}))",
    "show('has', lambda: (hasattr(args, '{x}'), hasattr(args, 'none')))",
    "show('in', lambda: ('{x}' in args, 'none' in args))",
    "show('vars', lambda: vars(args)['{x}'])",
    "show('keys', lambda: sorted(vars(args)))",
    "show('len', lambda: len(vars(args)))",
    "show('repr', lambda: args)",
    "show('helper', lambda: helper(args, '{x}'))",
    "show('doubled', lambda: doubled(args.{x}))",
    "show('dict', lambda: dict(vars(args)))",
    "show('spread', lambda: argparse.Namespace(**vars(args)))",
    "show('json', lambda: json.dumps(vars(args), default=str))",
    "show('pickle', lambda: pickle.dumps(args))",
    "show('pickle of all', lambda: pickle.dumps([sys.argv, vars(args)]))",
    "show('copy', lambda: copy.copy(args).{x})",
    "other = copy.deepcopy(args); other.{y} = {n}; show('deep', lambda: (other.{x}, other == args))",
    "show('==', lambda: args == argparse.Namespace({x}=1))",
    "show('type', lambda: (isinstance(args, argparse.Namespace), args.__class__.__name__))",
    "args.{x} = {n}",
    "args.more = {n}; print(args.more)",
    "setattr(args, '{x}' + '_2', args.{x})",
    "vars(args)['{x}'] = {n}",
    "args.__dict__.update({y}={n})",
    "vars(args).pop('{x}', None)",
    "show('del', lambda: delattr(args, '{x}'))",
    "for key, value in vars(args).items():\n    print(key, value)\n    if len(key) == {n}: break",
    "for key in vars(args):\n    print(key)",
    "if hasattr(args, '{x}') and args.{x}:\n    print('yes')\nelse:\n    print('no', getattr(args, '{y}', None))",
    "if getattr(args, 'fast', False):\n    args.{y} = 9",
    "for step in range({n}):\n    print(step, getattr(args, '{x}', 0))",
    "show('draw', lambda: random.random())",
    "log.append({n}); print(log)",
    "show('mutate', lambda: args.sizes.append({n}))",
    "show('tags', lambda: (args.tags, parser.get_default('tags')))",
    "show('is', lambda: args.tags is parser.get_default('tags'))",
    "show('same', lambda: (args.{x} is args.{y}, args.{x} == args.{y}))",
    "show('argv', lambda: sys.argv[1])",
    "show('argv', lambda: (len(sys.argv), sys.argv[0], sys.argv[-1]))",
    "show('argv', lambda: sys.argv[1:])",
    "show('argv', lambda: '--fast' in sys.argv)",
    "show('argv', lambda: ' '.join(sys.argv))",
    "show('argv', lambda: [word for word in sys.argv if '=' in word])",
    "show('argv', lambda: sys.argv[:1] + ['x'] + sys.argv[2:])",
    "show('argv', lambda: (sys.argv == ['script.py'], sys.argv.index('--fast')))",
    "show('func', lambda: args.func(args))",
    "globals().update(vars(args)); show('global', lambda: {x})",
    "show('format', lambda: f'{{args.{x}!r:>9}}' + '%s' % args.{x})",
    "match args:\n    case argparse.Namespace({x}=1):\n        print('one')\n"
    "    case argparse.Namespace({x}=value):\n        print(value)\n    case _:\n        print('none')",
    "show('again', lambda: parser.parse_args())",
    "show('known', lambda: parser.parse_known_args(sys.argv[2:]))",
    "show('into', lambda: parser.parse_args(namespace=args))",
    "show('dir', lambda: [name for name in dir(args) if name[0] != '_'])",
    "args.{x} = args.{y}",
    "show('add', lambda: setattr(args, 'total', args.{x} + {n}))",
    "try:\n    print(args.{x} > {n})\nexcept TypeError as error:\n    print(error)",
]
_BEFORE = [
    "if '--fast' in sys.argv: sys.argv.remove('--fast')",
    "sys.argv.append('-v')",
    "sys.argv[0] = 'renamed.py'",
    "print(len(sys.argv))",
    "saved = sys.argv.copy()",
    "word = sys.argv.pop(); sys.argv.append(word)",
    "sys.argv = [*sys.argv]",
    "sys.argv = [sys.argv[0]] + sys.argv[1:]",
    "if len(sys.argv) > 3: print('many')",
]
_PARSE = [
    *["args = parser.parse_args()"] * 6,
    "args = parser.parse_args(sys.argv[1:])",
    "args, rest = parser.parse_known_args()\nshow('rest', lambda: rest)",
    "args, rest = parser.parse_known_args()",
    "args = parser.parse_args(namespace=argparse.Namespace(given=[1]))",
    "args = Empty()\nparser.parse_args(namespace=args)",
    "args = parser.parse_intermixed_args()",
    "args = argparse.Namespace(**vars(parser.parse_args()))",
    "first = argparse.ArgumentParser(add_help=False)\nfirst.add_argument('--fast', action='store_true')\n"
    "known, rest = first.parse_known_args()\nparser.set_defaults(first=known.fast)\n"
    "args = parser.parse_args(rest, namespace=known)",
]


def argparse_script(seed):
    """The text of a script, and the arguments of its runs."""
    draw = random.Random(seed)
    names = draw.sample(list(_OPTIONS), draw.randint(2, 6))
    lines = ["parser = argparse.ArgumentParser()"]
    lines += [f"parser.add_argument({_OPTIONS[name][0]})" for name in names]
    if draw.random() < 0.2:
        lines.append(f"parser.set_defaults(func=lambda args: doubled(args.{names[0]}), more=[1])")
    command = draw.random() < 0.2 and "data" not in names
    if command:
        lines += [
            "commands = parser.add_subparsers(dest='command')",
            "fit = commands.add_parser('fit')",
            "fit.add_argument('--deep', type=int, default=1)",
            "fit.set_defaults(func=lambda args: ('fit', args.deep))",
            "test = commands.add_parser('test')",
            f"test.add_argument('--wide', type={draw.choice(['float', 'noted'])}, default='1')",
            "test.set_defaults(func=helper)",
        ]
    lines += draw.sample(_BEFORE, 1) if draw.random() < 0.25 else []
    lines.append(draw.choice(_PARSE))
    known = [*names, *(["command", "deep", "wide"] if command else [])]
    lines += [_step(draw, known) for _ in range(draw.randint(2, 9))]
    return _HEAD + "\n".join(_wrapped(draw, lines)), _runs(draw, names, command)


def _step(draw, names):
    step = draw.choice(_STEPS)
    return step.format(x=draw.choice(names), y=draw.choice(names), n=draw.randint(0, 5))


def _wrapped(draw, lines):
    """The lines, in a function now and then."""
    if draw.random() < 0.5:
        return lines
    body = [f"    {line}" for text in lines for line in text.split("\n")]
    return ["def main():", *body, "", "if __name__ == '__main__':", "    main()"]


def _runs(draw, names, command):
    swept = draw.sample(names, min(len(names), draw.randint(1, 3)))
    fixed = {name: draw.choice(_OPTIONS[name][1][:2]) for name in names if name not in swept and draw.random() < 0.6}
    runs = []
    for _ in range(draw.randint(2, 5)):
        chosen = {**fixed, **{name: _word(draw, name) for name in swept}}
        words = [word for name in names for word in chosen.get(name, "").split()]
        if command:
            words += draw.choice(
                [["fit"], ["fit", "--deep", "2"], ["fit", "--deep", "3"], ["test"], ["test", "--wide", "2"], []]
            )
        if draw.random() < 0.03:
            words.append(draw.choice(["--unknown", "-h", "--help"]))
        runs.append(["script.py", *words])
    return runs


def _word(draw, name):
    words = _OPTIONS[name][1]
    return draw.choice(words if draw.random() < 0.1 else words[:3] if len(words) > 3 else words[:2])


_CLICK_HEAD = """
import click, random, sys

log = []


def seen(context, option, value):
    log.append(value)
    print(log)
    return value
"""
_CLICK_OPTIONS = {
    "lr": ("'--lr', type=float, default=0.1", ["--lr 0.1", "--lr 0.2", "--lr x"]),
    "epochs": ("'-e', '--epochs', default=3, show_default=True", ["-e 3", "--epochs 4", "-e 1.5"]),
    "opt": ("'--opt', type=click.Choice(['sgd', 'adam'])", ["--opt sgd", "--opt adam", "--opt lamb"]),
    "fast": ("'--fast/--slow', default=False", ["--fast", "--slow", ""]),
    "tags": ("'--tags', '-t', multiple=True", ["-t a", "-t a -t b", ""]),
    "level": ("'-v', 'level', count=True", ["-v", "-vv", ""]),
    "shape": ("'--shape', nargs=2, type=int", ["--shape 1 2", "--shape 2 1", "--shape 1"]),
    "seen": ("'--seen', callback=seen", ["--seen a", "--seen b"]),
    "flag": ("'--flag', is_flag=True", ["--flag", ""]),
    "out": ("'--out', type=click.Path(file_okay=False)", ["--out /tmp", "--out out", "--out /dev/null"]),
}
_CLICK_STEPS = [
    "click.echo(f'{x} {{{x}}}')",
    "print({x}, {y})",
    "print(sorted(locals().items(), key=str))",
    "{x} = {y}",
    "if {x}:\n    print('yes', {y})",
    "print([({x}, each) for each in range({n})])",
    "inner = lambda: ({x}, {y})\nprint(inner())",
    "print(click.get_current_context().params['{x}'])",
    "print(sys.argv[-1], len(sys.argv))",
    "seen(None, None, {x})",
    "for step in range({n}):\n    print(step, {x})",
]


def click_script(seed):
    """Like `argparse_script`, with click."""
    draw = random.Random(seed)
    names = draw.sample(list(_CLICK_OPTIONS), draw.randint(2, 4))
    decorators = [f"@click.option({_CLICK_OPTIONS[name][0]})" for name in names]
    steps = [
        draw.choice(_CLICK_STEPS).format(x=draw.choice(names), y=draw.choice(names), n=draw.randint(0, 3))
        for _ in range(5)
    ]
    body = [f"    {line}" for step in steps for line in step.split("\n")]
    calls = draw.choice(["main()", "main()", "main(standalone_mode=False)", "main(sys.argv[1:])"])
    lines = [
        _CLICK_HEAD,
        "print('begin')",
        "@click.command()",
        *decorators,
        f"def main({', '.join(names)}):",
        *body,
        "",
        calls,
        "print('end')",
    ]
    runs = []
    fixed = {name: draw.choice(_CLICK_OPTIONS[name][1][:2]) for name in names}
    swept = draw.sample(names, draw.randint(1, 2))
    for _ in range(draw.randint(2, 4)):
        words = [
            draw.choice(_CLICK_OPTIONS[name][1][: 3 if draw.random() < 0.1 else 2]) if name in swept else fixed[name]
            for name in names
        ]
        runs.append(["script.py", *(word for words in words for word in words.split())])
    return "\n".join(lines), runs


def random_script(seed):
    """One of both kinds; most use argparse."""
    return click_script(seed) if seed % 5 == 4 else argparse_script(seed)
