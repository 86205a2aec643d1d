"""What every module of the library keeps to."""

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from collections import defaultdict
from functools import cache
from graphlib import TopologicalSorter

import pytest

from tests.places import PROJECT

PACKAGE = PROJECT / "xanes_core"
FILES = {
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = sorted(FILES)
ROOMS = {name for name, path in FILES.items() if path.name == "__init__.py"}
PAGES = {
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((PROJECT / "pages").rglob("*.py"))
}
each = pytest.mark.parametrize("module", MODULES)
#: Modules that talk to a person at a terminal.
SPEAKING = re.compile(r"xanes_core\.(cli(\.\w+)?|__main__|plots\.viewer_script)$")
each_silent = pytest.mark.parametrize("module", [m for m in MODULES if not SPEAKING.match(m)])
#: Longest file; one that grows beyond holds more than one idea.
MAX_LINES = 600
#: Entries at the top of the package.
MAX_ROOMS = 17
#: Floors, the lowest first. Imports go down; rooms of one floor do not know each other, but for the
#: lowest, where ``files`` and ``constants`` may raise ``errors``.
FLOORS = (
    ("constants", "errors", "files", "workers"),
    ("structures", "spectra"),
    ("descriptors", "theory"),
    ("model",),
    ("dataset", "importance", "refinement", "stories"),
    ("training", "plots"),
    ("cli",),
    ("__main__",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
#: Files that outsiders of their room import by name, instead of through its ``__init__``.
DOORS = re.compile(
    r"xanes_core\.("
    r"dataset\.\w+"  # named after the verbs; the counter would load FEFF10 and the assembler
    r"|training\.\w+"  # likewise, with scikit-learn
    r"|theory\.relaxation"  # its functions are asked for by its name: relaxation.available
    r"|plots\.viewer_script"  # run as a program when the app is set up
    r"|structures\.formats\.(text|xyz)"  # tmQM is read frame by frame
    r")$"
)


@cache
def tree(module):
    top = PROJECT / f"{module}.py"
    path = top if module in ("app", "serve") else FILES.get(module) or PAGES[module]
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(module, *, for_types=False):
    """Names of modules that a module imports, at the top or inside a function."""
    hidden = (
        set()
        if for_types
        else {
            id(inner)
            for node in ast.walk(tree(module))
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            for inner in ast.walk(node)
        }
    )
    parts = module.split(".")
    is_package = module in FILES and FILES[module].name == "__init__.py"
    for node in ast.walk(tree(module)):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                kept = parts[: len(parts) - node.level + is_package]
                base = ".".join([*kept, base] if base else kept)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in FILES or full in PAGES else base


def test_there_is_something_to_look_at():
    assert len(MODULES) > 40
    assert {"xanes_core", "xanes_core.descriptors.wacsf", "xanes_core.cli.commands"} <= set(MODULES)
    assert "xanes_core.errors" in set(imported("xanes_core.descriptors.wacsf"))


# --- imports -------------------------------------------------------------------------------------


@each
def test_no_module_imports_the_dashboard(module):
    roots = {name.split(".")[0] for name in imported(module)}
    assert not roots & {"streamlit", "pages", "app"}
    text = FILES[module].read_text(encoding="utf-8")
    assert not re.search(r"import_module\(.*streamlit|__import__", text)


def run_python(script):
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_predicting_needs_no_scikit_learn():
    script = (
        "import sys; from xanes_core import load_model\n"
        "from xanes_core.structures.examples import list_examples, load_example\n"
        "one = list_examples()[0]\n"
        "load_model(one.element).predict(load_example(one.key), one.absorber)\n"
        "print('sklearn' in sys.modules)"
    )
    result = run_python(script)
    assert result.stdout.strip() == "False", result.stderr


def test_slow_libraries_of_formats_are_loaded_when_such_a_file_is_read():
    script = (
        "import sys, xanes_core\n"
        "xanes_core.read_structures(b'1\\n\\nFe 0 0 0\\n', name='a.xyz')\n"
        "print(sorted({'ase.io', 'ase.spacegroup', 'spglib'} & set(sys.modules)))"
    )
    result = run_python(script)
    assert result.stdout.strip() == "[]", result.stderr


def test_importing_everything_does_not_load_the_dashboard():
    wanted = [name for name in MODULES if not name.endswith("__main__")]
    script = (
        "import importlib, json, sys\n"
        f"for name in {wanted!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    result = run_python(script)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 1, "importing a module must not print"
    loaded = set(json.loads(result.stdout))
    assert "xanes_core" in loaded
    assert not loaded & {"streamlit", "pages", "tkinter"}


def test_imports_have_no_cycle():
    graph = {m: {name for name in imported(m, for_types=True) if name in FILES} for m in MODULES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError with the cycle
    assert len(order) == len(MODULES)


def room(module):
    """Room of a module of the package; empty for the package itself."""
    return [*module.split("."), ""][1]


def test_the_top_of_the_package_is_its_floors():
    rooms = {room(module) for module in MODULES} - {""}
    assert rooms <= set(FLOOR_OF), "a new room needs a floor"
    assert len(rooms) <= MAX_ROOMS


@pytest.mark.parametrize("module", [name for name in MODULES if room(name)])
def test_imports_go_down(module):
    own = room(module)
    for name in imported(module):
        other = room(name) if name in FILES else ""
        if other in ("", own) or (FLOOR_OF[own] == FLOOR_OF[other] == 0):
            continue
        assert FLOOR_OF[other] < FLOOR_OF[own], f"{module} imports {name}"


@pytest.mark.parametrize("module", [*MODULES, *PAGES])
def test_outsiders_come_through_the_counter(module):
    for name in imported(module):
        if name not in FILES or room(name) in ("", room(module)) or name.count(".") < 2:
            continue
        assert DOORS.match(name), f"{module}: import from xanes_core.{room(name)}, not from {name}"


@each
def test_siblings_are_imported_by_file(module):
    if FILES[module].name == "__init__.py" or not room(module):
        return
    package = module.rpartition(".")[0]
    assert package == "xanes_core" or package not in set(imported(module)), (
        "the counter of the own room imports everything in it"
    )


#: Files that one other file alone imports: families, with what makes each a file of its own.
FAMILIES = {
    r"xanes_core\.(cli|dataset|training)\.\w+": "a command, or what is done to a training set",
    r"xanes_core\.theory\.(\w+_job|worker)": "runs in another process",
    r"pages\.parts\.(home|stories|predict|play|fit|importance|theory|models)\.\w+": "of its page",
}
#: The same, file by file.
ALONE = {
    "xanes_core.dataset.assembly.from_base": "one of the two ways to draw a complex",
    "xanes_core.dataset.assembly.from_table": "the other one",
    "xanes_core.structures.formats.labels": "which element a site is: a question, not a syntax",
    "pages.parts.shared.uploads": "room on the server, which all sessions share",
    "pages.parts.shared.own_columns": "of the reader's spectra: which columns are what",
    "pages.parts.shared.treatment": "of the reader's spectra: what is done to a curve",
}


@cache
def importers():
    """Files by what they import; the counter of its own room is one of them."""
    found = defaultdict(set)
    for name in (*MODULES, *PAGES, "app", "serve"):
        for other in imported(name):
            found[other].add(name)
    return found


@pytest.mark.parametrize(
    "module", [name for name in (*MODULES, *PAGES) if name.count(".") > 1 and name not in ROOMS]
)
def test_a_file_with_one_importer_has_a_reason(module):
    found = importers()[module]
    on_the_counter = module.rpartition(".")[0] in found
    if len(found) == 1 and not on_the_counter:
        in_family = any(re.fullmatch(pattern, module) for pattern in FAMILIES)
        assert in_family or module in ALONE, f"{module} is imported by {found} alone: join them?"
    else:
        assert module not in ALONE, "it has more than one importer: the reason is not needed"


@each_silent
def test_nobody_imports_the_command_line(module):
    assert not any(SPEAKING.match(name) for name in imported(module))


# --- habits --------------------------------------------------------------------------------------


def calls(module):
    """(name of what is called, call) of every call in a module."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@each_silent
def test_the_library_does_not_print(module):
    said = [node.lineno for name, node in calls(module) if name in ("print", "input", "pprint")]
    assert not said, f"print at lines {said}"


@each
def test_nothing_is_unpickled(module):
    names = {name.split(".")[0] for name in imported(module)}
    assert not names & {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
    for name, node in calls(module):
        assert not re.search(r"\b(pickle|joblib|dill)\.loads?$|read_pickle$", name)
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle":
                assert isinstance(keyword.value, ast.Constant)
                assert keyword.value.value is False
        if re.fullmatch(r"(np|numpy)\.load", name):
            assert "allow_pickle" in {k.arg for k in node.keywords}, f"line {node.lineno}"


@each
def test_nothing_is_evaluated_or_passed_to_a_shell(module):
    for name, node in calls(module):
        assert name not in ("eval", "exec", "os.system", "os.popen"), f"line {node.lineno}"
        assert "shell" not in {k.arg for k in node.keywords}, f"line {node.lineno}"


@each
def test_no_bare_except_and_no_assert(module):
    for node in ast.walk(tree(module)):
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None)
        assert not isinstance(node, ast.Assert), "an assertion is no message to a user"


@each
def test_modules_hold_one_idea(module):
    assert len(FILES[module].read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@each
def test_every_module_says_what_it_is(module):
    assert len(ast.get_docstring(tree(module)) or "") > 20


def public(module):
    """Public functions, classes and methods."""
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    inner
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
                )


@each
def test_everything_public_has_a_docstring(module):
    bare = [node.name for node in public(module) if not ast.get_docstring(node)]
    assert not bare


def caught(handler):
    """Names of what an except clause takes and does not pass on."""
    inner = [node for node in ast.walk(handler) if isinstance(node, ast.Raise)]
    if any(node.exc is None for node in inner):
        return set()
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(one).rpartition(".")[2] for one in types}


def raised(statements, kept=frozenset()):
    """Names of the errors that statements raise themselves and that leave them."""
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = ast.unparse(error).rpartition(".")[2]
            # a name in small letters is a variable, or a function that makes the error
            if name[:1].isupper() and not kept & {name, "Exception", "BaseException"}:
                yield name
        inside = kept
        if isinstance(node, ast.Try):
            inside = kept.union(*(caught(handler) for handler in node.handlers))
            for handler in node.handlers:
                yield from raised(handler.body, kept)
        yield from raised(getattr(node, "body", ()), inside)
        yield from raised(getattr(node, "orelse", ()), kept)
        yield from raised(getattr(node, "finalbody", ()), kept)
        yield from raised(getattr(node, "cases", ()), kept)  # of a match, each with a body


def test_raised_errors_are_found():
    source = """
        if x:
            raise ValueError("a")
        try:
            raise KeyError
        except (KeyError, errors.OtherError):
            raise made_up(x)
        try:
            raise OSError
        except OSError:
            raise
        try:
            raise TypeError
        except Exception:
            pass
        else:
            raise x.SomeError from None
        def inner():
            raise IndexError
    """
    statements = ast.parse(textwrap.dedent(source)).body
    assert list(raised(statements)) == ["ValueError", "OSError", "SomeError"]


@each
def test_public_functions_say_what_they_raise(module):
    untold = {
        f"{node.name}: {name}"
        for node in public(module)
        if isinstance(node, ast.FunctionDef)
        for name in raised(node.body)
        if not re.search(rf"\b{name}\b", ast.get_docstring(node) or "")
    }
    assert not untold


@each
def test_sources_reveal_no_machine(module):
    text = FILES[module].read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.~])/(work|root|home|tmp)/", text)


@each
def test_errors_say_what_kind_they_are(module):
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func)
            assert name not in ("Exception", "BaseException", "RuntimeError", "AssertionError"), (
                f"line {node.lineno}: raise a child of XanesError"
            )
