"""The house rules that a machine can hold: import direction, public names, quick imports, the map of files."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("labels", "configs", "inference", "training", "app")
MAY_IMPORT = {
    "labels": {"labels"},
    "configs": {"configs", "labels"},
    "inference": {"inference", "labels"},
    "training": {"training", "inference", "configs", "labels"},
    "app": {"app", "training", "inference", "configs", "labels"},
}
HEAVY = {"torch", "transformers", "datasets", "sklearn", "accelerate", "scipy", "pyarrow"}


def modules(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if "__pycache__" not in path.parts)


def imported_packages(path: Path, package: str) -> set[str]:
    """Return which of our packages a module imports, anywhere in it, type checking included."""
    below = len(path.relative_to(ROOT / package).parts)  # folders up to and including the package
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("eventroles")]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("eventroles"):
            names = [node.module or ""]
        elif isinstance(node, ast.ImportFrom) and node.level > 0:
            root_level = below if package == "app" else below + 1
            if node.level == root_level:
                parts = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
                found |= {part if part in PACKAGES else "app" for part in parts}
            elif node.level < root_level:
                found.add(package)
            else:
                found.add("outside")
        found |= {
            part if part in PACKAGES else "app" for part in (name.partition(".")[2].split(".")[0] for name in names)
        }
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    against = {
        str(path.relative_to(ROOT)): sorted(imported_packages(path, package) - MAY_IMPORT[package])
        for path in modules(package)
    }
    assert {} == {path: names for path, names in against.items() if names}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_modules_of_a_package_import_each_other_when_loaded(package: str) -> None:
    imports: dict[str, set[str]] = {}
    for path in modules(package):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        here = path.relative_to(ROOT).with_suffix("").parts
        found = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.level > 0:
                home = here[: len(here) - node.level]
                parts = tuple(node.module.split(".")) if node.module else ()
                found |= {"/".join(home + parts), *("/".join((*home, *parts, alias.name)) for alias in node.names)}
        imports["/".join(here)] = found
    for module in imports:
        reached, waiting = set(), [module]
        while waiting:
            for other in imports.get(waiting.pop(), set()) & imports.keys():
                assert other != module, f"{module} imports itself through others"
                if other not in reached:
                    reached.add(other)
                    waiting.append(other)


@pytest.mark.parametrize("name", ["eventroles", *(f"eventroles.{package}" for package in PACKAGES if package != "app")])
def test_all_lists_every_public_name_that_is_visible_and_no_other(name: str) -> None:
    module = importlib.import_module(name)
    assert sorted(module.__all__) == list(module.__all__), "in alphabetical order"
    assert all(getattr(module, public) is not None for public in module.__all__)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level > 0
        for alias in node.names
    }
    assert imported == set(module.__all__)


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_importing_eventroles_labels_configs_and_the_program_loads_nothing_heavy() -> None:
    loaded = run_python(
        "import sys, eventroles, eventroles.labels, eventroles.configs, eventroles.cli\n"
        "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    assert set() == HEAVY & set(loaded.split())


def test_importing_inference_loads_neither_torch_nor_training() -> None:
    loaded = run_python("import sys, eventroles.inference\nprint(' '.join(sys.modules))").split()
    assert set() == HEAVY & {name.split(".")[0] for name in loaded}
    assert not [name for name in loaded if name.startswith(("eventroles.training", "eventroles.configs"))]


def test_a_folder_of_the_repository_is_no_package_of_its_own(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import training"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0


def test_every_module_opens_with_a_sentence_that_says_what_lives_there() -> None:
    for package in (*PACKAGES, "seeds", "tests", "benchmarks"):
        for path in modules(package):
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            assert docstring, path
            assert re.search(r"[.:]$", docstring.strip().splitlines()[0].rstrip("`")), path


def test_every_public_function_class_and_method_says_what_it_does() -> None:
    for path in (path for package in PACKAGES for path in modules(package) if path.parent.name != "commands"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        definitions = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        public = [node for node in definitions if not node.name.startswith("_")]
        methods = [node for one in public if isinstance(one, ast.ClassDef) for node in one.body]
        public += [node for node in methods if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
        assert [] == [f"{path}: {node.name}" for node in public if not ast.get_docstring(node)]


def test_files_stay_readable_in_one_sitting() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for path in modules(package)
    }
    assert {} == {path: length for path, length in lengths.items() if length > 400}


def test_the_map_in_contributing_names_every_file_and_none_that_is_gone() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+\.\w+)`", text))
    for path in (path for package in PACKAGES for path in modules(package)):
        name = path.relative_to(ROOT).as_posix()
        assert name in named or path.name == "__init__.py" or "commands" in path.parts, f"{name} has no line in the map"
    for name in named:
        if "/" in name and "*" not in name and "<" not in name:
            assert (ROOT / name).exists(), f"the map names {name}, which is gone"


def test_no_third_party_text_of_the_seed_documents_is_in_the_annotations() -> None:
    text = (ROOT / "seeds" / "annotations.jsonl").read_text(encoding="utf-8")
    assert '"text"' not in text


def test_the_versions_of_the_project_agree() -> None:
    version = metadata.version("eventroles")
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8").replace('"', "")
    assert f"[{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
