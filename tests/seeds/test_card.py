"""The data card against the data it describes, and the sample articles against the corpus."""

from __future__ import annotations

import json
import re
import shlex
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from eventroles.labels import LabelSet

ROOT = Path(__file__).parents[2]
CARD = ROOT / "seeds" / "README.md"
CORPUS = ROOT / "seeds" / "corpus"
SAMPLE = ROOT / "docs" / "sample"
ROLES = LabelSet.load("roles").names
RUN_OF_WORDS = 9


def read_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_card() -> str:
    return CARD.read_text(encoding="utf-8")


def table(first_heading: str) -> dict[str, list[str]]:
    """Return the rows of the card's table that begins so: first cell -> the other cells, without backquotes."""
    lines = iter(read_card().splitlines())
    for line in lines:
        if line.startswith(f"| {first_heading} |"):
            break
    else:
        pytest.fail(f"the card has no table that begins with the column {first_heading!r}")
    next(lines)  # the rule below the headings
    rows: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith("|"):
            break
        first, *others = (cell.strip().replace("`", "") for cell in line.strip("|").split("|"))
        rows[first] = others
    return rows


def number(count: float) -> str:
    return f"{count:,}"


def role_counts(rows: Sequence[dict], *, key: str) -> Counter[str]:
    return Counter(role for row in rows for role in row[key])


def words(text: str) -> list[str]:
    """Return the words of a text without case, punctuation and curly marks, so that none of these hides a copy."""
    return re.findall(r"\w+", text.lower().replace("’", "").replace("'", ""))


def runs(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[start : start + RUN_OF_WORDS]) for start in range(len(found) - RUN_OF_WORDS + 1)}


@pytest.fixture(scope="module")
def files() -> dict[str, list[dict]]:
    return {path.name: read_rows(path) for path in sorted(CORPUS.glob("*.jsonl"))}


@pytest.fixture(scope="module")
def corpus(files) -> list[dict]:
    return [row for rows in files.values() for row in rows]


@pytest.fixture(scope="module")
def annotations() -> list[dict]:
    return read_rows(ROOT / "seeds" / "annotations.jsonl")


def test_the_totals_of_the_card_are_those_of_the_corpus(corpus):
    totals = {
        "sentences": len(corpus),
        "documents": len({row["document"] for row in corpus}),
        "words": sum(len(row["text"].split()) for row in corpus),
        "different texts": len({row["text"] for row in corpus}),
        "values of genre": len({row["genre"] for row in corpus}),
        "values of region": len({row["region"] for row in corpus}),
        "sentences with an unsure role": sum(bool(row["unsure"]) for row in corpus),
    }
    assert {name: [number(count)] for name, count in totals.items()} == table("what")


def test_the_roles_of_the_card_are_counted_as_in_the_corpus(corpus):
    def share(count: int) -> str:
        return f"{count / len(corpus):.1%}".replace("%", " %")

    given, unsure = role_counts(corpus, key="roles"), role_counts(corpus, key="unsure")
    without = sum(not row["roles"] for row in corpus)
    expected = {role: [number(given[role]), share(given[role]), number(unsure[role])] for role in ROLES}
    assert {**expected, "none": [number(without), share(without), ""]} == table("role")


def test_the_card_says_how_many_sentences_have_how_many_roles(corpus):
    counts = Counter(len(row["roles"]) for row in corpus)
    assert {str(roles): [number(counts[roles])] for roles in sorted(counts)} == table("roles of a sentence")


def test_the_card_counts_every_file_of_the_corpus(files):
    expected = {}
    for name, rows in files.items():
        given = role_counts(rows, key="roles")
        counts = [len({row["document"] for row in rows}), len(rows), *(given[role] for role in ROLES)]
        counts += [sum(not row["roles"] for row in rows), sum(bool(row["unsure"]) for row in rows)]
        expected[name] = [number(count) for count in counts]
    assert expected == table("file")


def test_the_lengths_of_the_card_are_those_of_the_corpus(corpus):
    lengths = {
        "words in a sentence": [len(row["text"].split()) for row in corpus],
        "sentences in a document": list(Counter(row["document"] for row in corpus).values()),
    }
    expected = {
        name: [str(min(found)), f"{statistics.median(found):g}", f"{statistics.mean(found):.1f}", str(max(found))]
        for name, found in lengths.items()
    }
    assert expected == table("length")


def test_the_most_frequent_genres_of_the_card_are_those_of_the_corpus(corpus):
    genres = Counter({row["document"]: row["genre"] for row in corpus}.values())
    stated = table("most frequent `genre`")
    assert {genre: [number(genres[genre])] for genre in stated} == stated
    fewest = min(genres[genre] for genre in stated)
    assert set(stated) == {genre for genre, count in genres.items() if count >= fewest}


def test_the_share_of_agency_copy_is_as_the_card_says(corpus):
    genres = {row["document"]: row["genre"] for row in corpus}
    agency = sum("wire" in genre or "agency" in genre for genre in genres.values())
    assert f"{agency} of the {len(genres)} documents" in read_card()


def test_the_card_counts_the_sentences_of_every_annotated_article(annotations):
    counts = Counter(row["document"] for row in annotations)
    assert {name: [number(counts[name])] for name in sorted(counts)} == table("document")
    unsure = sum(bool(row["unsure"]) for row in annotations)
    assert f"These are {len(annotations)} sentences; {unsure} of them have an unsure role." in read_card()


def test_the_card_counts_the_roles_of_the_annotated_articles(annotations):
    given, unsure = role_counts(annotations, key="roles"), role_counts(annotations, key="unsure")
    expected = {role: [number(given[role]), number(unsure[role])] for role in ROLES}
    expected["none"] = [number(sum(not row["roles"] for row in annotations)), ""]
    assert expected == table("role in the articles")


def test_no_line_of_the_annotations_holds_text_of_an_article(annotations):
    keys = {"document", "sha256", "start", "end", "roles", "unsure"}
    assert [row for row in annotations if set(row) != keys] == []


def test_the_fields_of_the_card_are_those_of_every_row(files):
    stated = list(table("field"))
    other = {(name, tuple(row)) for name, rows in files.items() for row in rows if list(row) != stated}
    assert other == set()


def test_the_line_that_counts_again_runs_and_finds_what_the_card_says(corpus):
    line = next(line for line in read_card().splitlines() if line.startswith("python3 -c "))
    command = [sys.executable, *shlex.split(line)[1:]]
    run = subprocess.run(command, cwd=CARD.parent, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"{len(corpus)} {len({row['document'] for row in corpus})} Counter(")
    stated = {role: int(cells[0].replace(",", "")) for role, cells in table("role").items()}
    assert {
        role: int(count) for role, count in re.findall(r"'(\w+)': (\d+)", run.stdout.split(") Counter")[0])
    } == stated


def test_the_front_matter_is_a_valid_dataset_card():
    from huggingface_hub import DatasetCard, DatasetCardData

    card = DatasetCard.load(CARD)
    assert isinstance(card.data, DatasetCardData)
    stated = card.data.to_dict()
    assert (stated["license"], stated["language"]) == ("cc0-1.0", ["en"])
    assert stated["task_categories"] == ["text-classification"]
    assert stated["task_ids"] == ["multi-label-classification"]
    # DatasetCardData takes any value here; these are the ones that its documentation lists.
    assert set(stated["annotations_creators"]) <= {"found", "crowdsourced", "expert-generated", "machine-generated"}
    creators = {"found", "crowdsourced", "expert-generated", "machine-generated", "other"}
    assert set(stated["language_creators"]) <= creators
    assert DatasetCardData(**stated).to_dict() == stated


def test_the_size_category_of_the_front_matter_holds_the_corpus(corpus):
    from huggingface_hub import DatasetCard

    assert DatasetCard.load(CARD).data.to_dict()["size_categories"] == ["10K<n<100K"]
    assert 10_000 < len(corpus) < 100_000


def test_the_data_files_of_the_front_matter_are_the_corpus_and_nothing_else(files):
    from huggingface_hub import DatasetCard

    configs = DatasetCard.load(CARD).data.to_dict()["configs"]
    patterns = [entry["path"] for config in configs for entry in config["data_files"]]
    found = {path.relative_to(CARD.parent).as_posix() for pattern in patterns for path in CARD.parent.glob(pattern)}
    assert found == {f"corpus/{name}" for name in files}


def test_the_features_of_the_front_matter_are_the_fields(files):
    """Without them `datasets` takes the empty lists of most files for lists of nulls and cannot read the others."""
    from huggingface_hub import DatasetCard

    (info,) = DatasetCard.load(CARD).data.to_dict()["dataset_info"]
    assert [feature["name"] for feature in info["features"]] == list(table("field"))


def test_datasets_loads_the_corpus_as_the_front_matter_says(corpus, tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.utils.logging.disable_progress_bar()
    try:
        loaded = datasets.load_dataset(str(CARD.parent), split="train", cache_dir=str(tmp_path))
    finally:
        datasets.utils.logging.enable_progress_bar()
    by_place = {(row["document"], row["index"]): row for row in corpus}
    assert {(row["document"], row["index"]): row for row in loaded} == by_place


def test_no_nine_words_in_a_row_of_a_corpus_sentence_stand_in_a_sample_article(corpus):
    samples = sorted(SAMPLE.glob("*.txt"))
    assert len(samples) == 6
    of_samples = {run: path.name for path in samples for run in runs(path.read_text(encoding="utf-8"))}
    copied = {
        f"{of_samples[run]}: {' '.join(run)} ({row['document']}, {row['index']})"
        for row in corpus
        for run in runs(row["text"])
        if run in of_samples
    }
    assert copied == set()


@pytest.mark.parametrize("path", sorted(SAMPLE.glob("*.txt")), ids=lambda path: path.stem)
def test_a_sample_article_is_short_plain_text_in_utf_8_with_a_newline_at_its_end(path):
    text = path.read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    assert 150 <= len(text.split()) <= 300
