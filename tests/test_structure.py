"""Data walks one way, and so do imports: schemas <- connectors, schemas <- pipeline steps, joined in pipeline/cli."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
OURS = ("schemas", "connectors", "pipeline")
JOINERS = ("pipeline/cli/", "pipeline/demo/", "pipeline/desk/", "pipeline/__main__.py")


def modules() -> list[pathlib.Path]:
    return [path for top in OURS for path in sorted((ROOT / top).rglob("*.py"))]


def imported(path: pathlib.Path) -> set[str]:
    """The top-level packages of ours and the steps that the module imports, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] in OURS}


def name_of(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_check():
    assert len(modules()) > 30
    assert imported(ROOT / "pipeline/graph.py") > {"pipeline.draft_articles", "pipeline.settle"}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_one_way(path):
    name = name_of(path)
    tops = {module.split(".")[0] for module in imported(path)}
    if name.startswith("schemas/"):
        assert tops <= {"schemas"}
    elif name.startswith("connectors/"):
        assert tops <= {"schemas", "connectors"}
    elif not name.startswith(JOINERS):
        assert tops <= {"schemas", "pipeline"}
        joined = ("pipeline.cli", "pipeline.demo", "pipeline.desk")
        assert not any(module.startswith(joined) for module in imported(path))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_the_settings_read_the_environment(path):
    if name_of(path) == "pipeline/cli/settings.py":
        return
    source = path.read_text(encoding="utf-8")
    assert "os.environ" not in source
    assert "getenv" not in source
