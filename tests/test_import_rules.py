"""Who may import whom, read from the code; and the app starts without any model library."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODEL_LIBRARIES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "bert_score")
DRIVERS = ("sqlite3", "psycopg", "psycopg2", "asyncpg", "sqlalchemy", "alembic")
LOADERS_OF_MODELS = {
    "eval/generating/engine.py": ("finetune.model", "finetune.adapter"),
    "eval/judges/local.py": ("finetune.model",),
}


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    module: str
    """The module that is named; `from a.b import c` names `a.b` and `a.b.c`."""
    at_import: bool
    """Whether it is executed when the file is imported."""
    plain: bool
    """`import x` rather than `from x import ...`."""

    def of(self, *packages: str) -> bool:
        return any(self.module == one or self.module.startswith(one + ".") for one in packages)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.module}"


def _walk(node: ast.AST, at_import: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        inner = at_import and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield other, inner
                yield from _walk(other, inner)
            continue
        yield child, inner
        yield from _walk(child, inner)


def imports() -> list[Import]:
    found = []
    paths = [ROOT / "app.py", *(path for name in ("ppai", "finetune", "eval") for path in (ROOT / name).rglob("*.py"))]
    for path in paths:
        file = path.relative_to(ROOT).as_posix()
        for node, at_import in _walk(ast.parse(path.read_text("utf-8")), True):
            if isinstance(node, ast.Import):
                found += [Import(file, node.lineno, alias.name, at_import, True) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}:{node.lineno}: a relative import"
                base = str(node.module)
                names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
                found += [Import(file, node.lineno, name, at_import, False) for name in names]
    return found


IMPORTS = imports()


def broken(rule: object) -> list[str]:
    assert callable(rule)
    return [str(one) for one in IMPORTS if rule(one)]


def test_the_imports_are_found() -> None:
    files = {one.file for one in IMPORTS}
    assert {"app.py", "ppai/__main__.py", "ppai/ui/desk.py", "eval/report.py"} <= files
    assert any(one.of("ppai.errors") and one.at_import for one in IMPORTS if one.file == "ppai/ui/desk.py")
    assert any(one.of("eval") and not one.at_import for one in IMPORTS if one.file == "ppai/__main__.py")


def test_ppai_reaches_finetune_and_eval_only_inside_its_commands() -> None:
    commands = ("ppai/__main__.py", "ppai/verbs/")
    assert not broken(
        lambda one: (
            one.file.startswith("ppai/")
            and one.of("finetune", "eval")
            and (one.at_import or not one.file.startswith(commands))
        )
    )


def test_finetune_knows_nothing_of_eval() -> None:
    assert not broken(lambda one: one.file.startswith("finetune/") and one.of("eval"))


def test_only_what_loads_models_imports_finetune() -> None:
    assert not broken(
        lambda one: (
            one.file.startswith("eval/")
            and one.of("finetune")
            and one.module != "finetune"
            and not one.of(*LOADERS_OF_MODELS.get(one.file, ()))
        )
    )


def test_gradio_is_in_the_screens_alone() -> None:
    assert not broken(
        lambda one: one.of("gradio", "gradio_client") and one.file != "app.py" and not one.file.startswith("ppai/ui/")
    )


def test_the_pure_parts_of_the_screens_know_no_gradio() -> None:
    pure = {f"ppai/ui/{name}.py" for name in ("session", "desk", "content", "render", "access", "events", "guard")}
    assert not broken(lambda one: one.file in pure and one.of("gradio"))


def test_database_drivers_are_in_the_store_alone() -> None:
    assert not broken(lambda one: one.of(*DRIVERS) and not one.file.startswith("ppai/store/"))


def test_only_the_settings_read_the_environment() -> None:
    readers = []
    packages = (path for name in ("ppai", "eval", "finetune") for path in (ROOT / name).rglob("*.py"))
    for path in [ROOT / "app.py", *packages]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("getenv", "environ"):
                readers.append(path.relative_to(ROOT).as_posix())
    setting = {"ppai/ui/serve.py", "eval/generating/local.py"}
    assert set(readers) <= setting, "which switch off Gradio's analytics, and threads that spin while they wait"


def test_model_libraries_are_imported_inside_functions() -> None:
    assert not broken(lambda one: one.at_import and one.of(*MODEL_LIBRARIES))


def test_eval_is_never_imported_as_a_name() -> None:
    assert not broken(lambda one: one.plain and one.of("eval"))


def test_the_statistics_touch_neither_store_nor_files() -> None:
    assert not broken(
        lambda one: (
            one.file.startswith("eval/statistics/") and one.of("ppai.store", "ppai.studyfiles", "ppai.ui", "pathlib")
        )
    )


BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {libraries}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Block())
{code}
print(sorted(name for name in {libraries} if name in sys.modules))
"""


@pytest.mark.parametrize(
    "code",
    [
        "import app",
        "import app, ppai.__main__, ppai.ui.serve, eval.report, ppai.export, ppai.studyfiles",
        "import app; from ppai.ui import serve; import gradio",
    ],
)
def test_the_app_needs_no_model_library(code: str) -> None:
    script = BLOCKED.format(libraries=MODEL_LIBRARIES, code=code)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_importing_the_app_loads_no_model_library_that_is_there() -> None:
    code = f"import sys, app, ppai.ui.serve; print([m for m in {MODEL_LIBRARIES} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
