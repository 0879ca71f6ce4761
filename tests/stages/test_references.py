"""What the code of a stage refers to is what its result depends on."""

import pytest

from gridfold import stages
from tests.stages.conftest import STAGE

SCALES = {
    "a variable": ("SCALE = 1\n" + STAGE + "SCALE", "", "SCALE = 3"),
    "one of a function that it calls": ("SCALE = 1\ndef scale(): return SCALE\n" + STAGE + "scale()", "", "SCALE = 3"),
    "one of another module": ("import helper\n" + STAGE + "helper.SCALE", "SCALE = 1", "helper.SCALE = 3"),
    "one of a function of another module": (
        "from helper import scale\n" + STAGE + "scale()",
        "SCALE = 1\ndef scale(): return SCALE",
        "helper.SCALE = 3",
    ),
    "one of a module that is handed on": (
        "import helper\ndef scale(module): return module.SCALE\n" + STAGE + "scale(helper)",
        "SCALE = 1",
        "helper.SCALE = 3",
    ),
    "one that is named by a text": (
        "import helper\n" + STAGE + "getattr(helper, 'SCALE')",
        "SCALE = 1",
        "helper.SCALE = 3",
    ),
    "one that is looked up": ("SCALE = 1\n" + STAGE + "globals()['SCALE']", "", "SCALE = 3"),
    "a module imported in the function": (
        STAGE.replace("    return ", "    import helper\n    return ") + "helper.SCALE",
        "SCALE = 1",
        "helper.SCALE = 3",
    ),
    "a variable imported in the function": (
        STAGE.replace("    return ", "    from helper import SCALE\n    return ") + "SCALE",
        "SCALE = 1",
        "helper.SCALE = 3",
    ),
    "a module imported by a text": (STAGE + "importlib.import_module('helper').SCALE", "SCALE = 1", "helper.SCALE = 3"),
    "a function in place of another": (
        "import helper\n" + STAGE + "helper.scale()",
        "def scale(): return 1",
        "helper.scale = lambda: 3",
    ),
    "a default": ("def scale(by=1): return by\n" + STAGE + "scale()", "", "scale.__defaults__ = (3,)"),
    "a default by name": (
        "def scale(*, by=1): return by\n" + STAGE + "scale()",
        "",
        "scale.__kwdefaults__ = {'by': 3}",
    ),
    "a closure": ("def of(by): return lambda: by\nscale = of(1)\n" + STAGE + "scale()", "", "scale = of(3)"),
    "an inner function": (
        "SCALE = 1\n" + STAGE + "sum((lambda: SCALE)() for _ in range(2))",
        "",
        "SCALE = 3",
    ),
    "an attribute of a class": ("class Scale:\n    BY = 1\n" + STAGE + "Scale.BY", "", "Scale.BY = 3"),
    "an attribute of a base class": (
        "import helper\nclass Scale(helper.Base): pass\n" + STAGE + "Scale().by()",
        "class Base:\n    BY = 1\n    def by(self): return self.BY",
        "helper.Base.BY = 3",
    ),
    "what a method reads": (
        "SCALE = 1\nclass Scale:\n    @property\n    def by(self): return SCALE\n" + STAGE + "Scale().by",
        "",
        "SCALE = 3",
    ),
    "an object": (
        "class Scale:\n    def __init__(self): self.by = [1]\nscale = Scale()\n" + STAGE + "scale.by[0]",
        "",
        "scale.by[0] = 3",
    ),
    "an object with slots": (
        "class Scale:\n    __slots__ = ['by']\nscale = Scale()\nscale.by = 1\n" + STAGE + "scale.by",
        "",
        "scale.by = 3",
    ),
    "a registry": (
        "scales = {'scale': lambda: 1}\n" + STAGE + "scales['scale']()",
        "",
        "scales['scale'] = lambda: 3",
    ),
    "a partial function": (
        "scale = functools.partial(max, 1)\n" + STAGE + "scale(0)",
        "",
        "scale = functools.partial(max, 3)",
    ),
    "a function that is cached": (
        "@functools.lru_cache\ndef scale(by): return by * SCALE\nSCALE = 1\n" + STAGE + "scale(1)",
        "",
        "SCALE = 3; scale.cache_clear()",
    ),
    "an array": ("SCALE = np.ones(2)\n" + STAGE + "float(SCALE.sum())", "", "SCALE[1] = 3"),
    "a dictionary": ("SCALES = {'a': [1, {'b': 1}]}\n" + STAGE + "SCALES['a'][1]['b']", "", "SCALES['a'][1]['b'] = 3"),
    "another stage": (
        "SCALE = 1\n@gridfold.stage\ndef scale(config): return SCALE\n" + STAGE + "scale(config)",
        "",
        "SCALE = 3",
    ),
    "a namespace": (
        "import types\nNS = types.SimpleNamespace(scale=1)\n" + STAGE + "NS.scale",
        "",
        "NS.scale = 3",
    ),
    "an attribute of a function": (
        "def scale(): return scale.by\nscale.by = 1\n" + STAGE + "scale()",
        "",
        "scale.by = 3",
    ),
    "a bound method of something built in": (
        "SCALES = {'a': 1}\nget = SCALES.get\n" + STAGE + "get('a')",
        "",
        "SCALES['a'] = 3",
    ),
    "a method of a data class": (
        "import dataclasses\nSCALE = 1\n@dataclasses.dataclass\nclass Config:\n    by: int = 1\n"
        "    def scale(self): return SCALE * self.by\nCONFIG = Config()\n" + STAGE + "CONFIG.scale()",
        "",
        "SCALE = 3",
    ),
    "an attribute of a data class that is no field": (
        "import dataclasses\n@dataclasses.dataclass\nclass Config:\n    by: int = 1\n"
        "CONFIG = Config()\nCONFIG.scale = 1\n" + STAGE + "CONFIG.scale",
        "",
        "CONFIG.scale = 3",
    ),
    "an attribute of a kind of dict": (
        "class Values(dict): scale = 1\nVALUES = Values(a=1)\n" + STAGE + "VALUES.scale",
        "",
        "VALUES.scale = 3",
    ),
    "a method of a member of an enum": (
        "import enum\nSCALE = 1\nclass Kind(enum.Enum):\n    A = 1\n    def scale(self): return SCALE\nKIND = Kind.A\n"
        + STAGE
        + "KIND.scale()",
        "",
        "SCALE = 3",
    ),
    "what is registered for a type": (
        "SCALE = 1\n@functools.singledispatch\ndef scale(x): return 0\n"
        "@scale.register\ndef _(x: int): return x * SCALE\n" + STAGE + "scale(1)",
        "",
        "SCALE = 3",
    ),
    "a variable of the environment": (
        STAGE + "os.environ.get('GRIDFOLD_TEST_SCALE')",
        "",
        "os.environ['GRIDFOLD_TEST_SCALE'] = '3'",
    ),
    "one that may not be there": (
        STAGE + "'GRIDFOLD_TEST_SCALE' in os.environ",
        "",
        "os.environ['GRIDFOLD_TEST_SCALE'] = '3'",
    ),
    "one that a function asks for": (
        "def scale(): return os.getenv('GRIDFOLD_TEST_SCALE', 1)\n" + STAGE + "scale()",
        "",
        "os.environ['GRIDFOLD_TEST_SCALE'] = '3'",
    ),
    "a function of which the name is made up": (
        "import helper\n" + STAGE + "getattr(helper, f'sca{config.get(1, chr(108))}e')()",
        "class Scale:\n    by = 1\ndef scale(): return Scale.by",
        "helper.scale = lambda: 3",
    ),
    "a class of which the name is made up": (
        STAGE.replace("    return ", "    import helper as of\n    return ") + "getattr(of, 'SCALE'.title()).by",
        "class Scale:\n    by = 1",
        "helper.Scale.by = 3",
    ),
    "one of a module of a package": (
        STAGE.replace("    return ", "    import package.scales as of\n    return ") + "getattr(of, 'SCALE'.lower())()",
        "",
        "sys.modules['package.scales'].scale = lambda: 3",
    ),
    "a variable of which the name is made up": (
        "def scale(): return 1\n" + STAGE + "globals()['SCALE'.lower()]()",
        "",
        "scale = lambda: 3",
    ),
    "what stands under a name that is made up": (
        "import helper\n" + STAGE + "helper.__dict__['SCALE'.lower()]()",
        "def scale(): return 1",
        "helper.scale = lambda: 3",
    ),
    "a module in a list": (
        "import helper\nMODULES = [helper]\n" + STAGE + "MODULES[0].scale()",
        "def scale(): return 1",
        "helper.scale = lambda: 3",
    ),
    "a module that gives what is asked for": (
        "import helper\n" + STAGE + "helper.scale",
        "class Scale:\n    by = 1\ndef __getattr__(name): return Scale.by",
        "helper.Scale.by = 3",
    ),
    "a module that code makes": (
        "import types\nmodule = types.ModuleType('scales')\nmodule.scale = lambda: 1\n" + STAGE + "module.scale()",
        "",
        "module.scale = lambda: 3",
    ),
    "an object in place of a module": (
        "class Scale: by = 1\nsys.modules['scales'] = Scale()\n"
        + STAGE.replace("    return ", "    import scales\n    return ")
        + "scales.by",
        "",
        "sys.modules['scales'].by = 3",
    ),
    "what an argument of a partial function holds": (
        "BY = [1]\nscale = functools.partial(lambda by, more: by[0] + more, BY, more=1)\n" + STAGE + "scale()",
        "",
        "BY[0] = 3",
    ),
    "an attribute of a metaclass": (
        "class Meta(type):\n    BY = 1\nclass Scale(metaclass=Meta): pass\n" + STAGE + "Scale.BY",
        "",
        "Meta.BY = 3",
    ),
    "a private slot": (
        "class Scale:\n    __slots__ = ['__by']\n    def __init__(self): self.__by = 1\n"
        "    def by(self): return self.__by\nscale = Scale()\n" + STAGE + "scale.by()",
        "",
        "scale._Scale__by = 3",
    ),
    "an attribute of a pydantic model that is no field": (
        "import pydantic\nclass Scale(pydantic.BaseModel, extra='allow'): pass\nscale = Scale(by=1)\n"
        + STAGE
        + "scale.by",
        "",
        "scale.by = 3",
    ),
    "a private attribute of a pydantic model": (
        "import pydantic\nclass Scale(pydantic.BaseModel):\n    _by: int = 1\nscale = Scale()\n" + STAGE + "scale._by",
        "",
        "scale._by = 3",
    ),
    "an attribute of a kind of dict that holds functions": (
        "class Scales(dict): pass\nscales = Scales(a=lambda: 1)\nscales.by = 1\n" + STAGE + "scales.by",
        "",
        "scales.by = 3",
    ),
    "an attribute of a member of an enum": (
        "import enum\nclass Kind(enum.Enum):\n    A = 1\nKind.A.scale = 1\n" + STAGE + "Kind.A.scale",
        "",
        "Kind.A.scale = 3",
    ),
    "the arguments of the program": (
        STAGE + "sys.argv[-1]",
        "",
        "sys.argv = ['3']",
    ),
    "what parses the arguments of the program": (
        "import argparse\ndef scale():\n    parser = argparse.ArgumentParser()\n    parser.add_argument('--by')\n"
        "    return parser.parse_known_args()[0].by\n" + STAGE + "scale()",
        "",
        "sys.argv = ['', '--by', '3']",
    ),
    "the working directory": (STAGE + "str(pathlib.Path('a').absolute())", "", "os.mkdir('other'), os.chdir('other')"),
}


@pytest.mark.parametrize(("source", "helper", "change"), SCALES.values(), ids=SCALES)
def test_what_it_refers_to_counts(source, helper, change, own, tmp_path, monkeypatch):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "scales.py").write_text("def scale(): return 1")
    monkeypatch.setenv("GRIDFOLD_TEST_SCALE", "")
    monkeypatch.delenv("GRIDFOLD_TEST_SCALE")
    monkeypatch.setattr("sys.argv", ["", "--by", "1"])
    it = own(source, helper)
    assert [it.call(), it.call()] == [1, 0], stages.notes()
    exec(change, vars(it.module) | {"helper": it.helper} if "helper" in change else vars(it.module))
    assert [it.call(), it.call()] == [1, 0], stages.notes()


def test_what_it_does_not_refer_to_does_not_count(own):
    it = own(f"import helper\nSCALE, OTHER = 1, 1\ndef other(): return OTHER\n{STAGE}SCALE")
    assert [it.call(), it.call()] == [1, 0]
    it.module.OTHER = it.helper.OTHER = 3
    assert it.call() == 0


def test_a_text_that_names_a_variable_reads_no_other(own):
    source = "import helper\nSCALE = 1\nrng = np.random.default_rng(0)\n"
    it = own(f"{source}{STAGE}globals()['SCALE'] + getattr(helper, 'SCALE')", "SCALE = 1\ndef other(): return other.by")
    assert [it.call(), it.call()] == [1, 0], stages.notes()
    it.helper.other.by = 3
    assert it.call() == 0


def test_what_is_in_a_module_of_which_any_variable_may_be_read_must_be_known(own):
    helper = "import random\nSCALE, rng = 1, random.Random(0)"
    it = own(f"import helper\n{STAGE}getattr(helper, 'scale'.upper())", helper)
    assert [it.call(), it.call()] == [1, 1]
    (note,) = stages.notes()
    assert note.endswith(f"nothing tells what the variable {it.helper.__name__}.rng is, a Random")


def test_an_object_that_gives_something_for_any_name_is_no_failure(own):
    it = own(f"class Any(dict):\n    __getattr__ = dict.get\nANY = Any(scale=1)\n{STAGE}ANY.scale")
    assert [it.call(), it.call()] == [1, 0], stages.notes()
    it.module.ANY["scale"] = 3
    assert it.call() == 1


@pytest.mark.parametrize(
    "scale",
    [
        "import dataclasses\n@dataclasses.dataclass\nclass Scale:\n"
        "    by: list = dataclasses.field(default_factory=lambda: [SCALE])\n"
        "OTHER = Scale()\ndef scale(): return Scale().by[0] + 0 * OTHER.by[0]\n",
        "import torch\n@torch.no_grad()\ndef scale(): return SCALE\n",
        "import torch\n@torch.inference_mode()\ndef scale(): return SCALE\n",
    ],
)
def test_what_libraries_put_into_a_function_is_no_state(scale, own):
    it = own(f"SCALE = 1\n{scale}{STAGE}scale()")
    assert [it.call(), it.call()] == [1, 0], stages.notes()
    it.module.SCALE = 3
    assert [it.call(), it.call()] == [1, 0], stages.notes()
