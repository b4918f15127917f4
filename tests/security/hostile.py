"""Hostile and broken model folders: each is made of a good one, by somebody who also seals it again with new hashes."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from eventroles.inference.checks import file_sha256
from safetensors.numpy import load_file, save_file

OURS, PLAIN = "ours", "plain"
"""What a hostile folder is made of: a model of eventroles with exports, or a classifier of transformers."""


class Hostile(NamedTuple):
    """A hostile folder.

    Attributes:
        kind: what it is made of.
        spoil: makes it of a good one.
        said: what the refusal says, a regular expression.
        backend: of the load that must be refused.
    """

    kind: str
    spoil: Callable[[Path], object]
    said: str
    backend: str = "torch"


class Payload:
    """Leaves a trace if it is ever unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def trace(folder: Path) -> Path:
    """Return what exists once something of a hostile folder was run."""
    return folder.parent / "executed"


def seal(folder: Path) -> None:
    """Write the hashes of all files into the manifest, as whoever changed them would."""
    path = folder / "eventroles.json"
    if path.is_file():
        data = json.loads(path.read_text(encoding="utf-8"))
        for name in data["files"]:
            if (folder / name).is_file():
                data["files"][name] = file_sha256(folder / name)
        path.write_text(json.dumps(data), encoding="utf-8")


def edit(folder: Path, name: str, change: Callable[[Any], object]) -> None:
    """Change a JSON file, and seal the folder."""
    path = folder / name
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    if name != "eventroles.json":
        seal(folder)


def write(folder: Path, name: str, content: bytes) -> None:
    """Replace a file, and seal the folder."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    seal(folder)


def pickled(folder: Path) -> bytes:
    return pickle.dumps(Payload(trace(folder)))


def only_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickled(folder))


def pickle_in_a_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.safetensors", "w") as file:
        file.writestr("archive/data.pkl", pickled(folder))
    seal(folder)


def zip_bomb(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.safetensors", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", b"\0" * 50_000_000)
    seal(folder)


def code_beside(folder: Path, name: str) -> None:
    """Name Python code of the folder in a configuration, as repositories with models of their own do."""
    code = f"import os\nos.mkdir({str(trace(folder))!r})\nclass Evil: pass\n"
    (folder / "evil.py").write_text(code, encoding="utf-8")
    edit(folder, name, lambda data: data.update(auto_map={"AutoConfig": "evil.Evil", "AutoTokenizer": "evil.Evil"}))


def change_weights(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    weights = dict(load_file(folder / "model.safetensors"))
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    seal(folder)


def poison(weights: dict[str, np.ndarray], value: float) -> None:
    weights["classifier.weight"] = np.full_like(weights["classifier.weight"], value)


def link(folder: Path, name: str) -> None:
    """Move a file out of the folder and link to it."""
    outside = folder.parent / f"outside-{Path(name).name}"
    (folder / name).rename(outside)
    (folder / name).symlink_to(outside)


def link_exports(folder: Path) -> None:
    (folder / "onnx").rename(folder.parent / "outside-onnx")
    (folder / "onnx").symlink_to(folder.parent / "outside-onnx", target_is_directory=True)


def name_file(folder: Path, name: str) -> None:
    edit(folder, "eventroles.json", lambda data: data["files"].update({name: "0" * 64}))


def name_export(folder: Path, name: str) -> None:
    edit(folder, "eventroles.json", lambda data: data["exports"]["int8"].update(file=name))


def external_data(folder: Path) -> None:
    """Keep the weights of the export in a file outside, which a graph may name."""
    (folder.parent / "secret.bin").write_bytes(b"\0" * 4096)
    model = onnx.load(folder / "onnx" / "model_int8.onnx")
    tensor = next(one for one in model.graph.initializer if one.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../secret.bin"
    write(folder, "onnx/model_int8.onnx", model.SerializeToString())


def other_graph(folder: Path, outputs: int) -> None:
    """Replace the export by a graph that gives the first token ids as logits."""
    from onnx import TensorProto, helper

    ends = [helper.make_tensor(name, TensorProto.INT64, [1], [value]) for name, value in (("a", 0), ("b", outputs))]
    axis = helper.make_tensor("c", TensorProto.INT64, [1], [1])
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["input_ids", "a", "b", "c"], ["ids"]),
            helper.make_node("Cast", ["ids"], ["logits"], to=TensorProto.FLOAT),
        ],
        "other",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "w"])
            for name in ("input_ids", "attention_mask", "token_type_ids")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", outputs])],
        [*ends, axis],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    write(folder, "onnx/model_int8.onnx", model.SerializeToString())
    edit(folder, "eventroles.json", lambda data: data["exports"].pop("fp32"))


def garbage_for_exports(folder: Path) -> None:
    for name in ("onnx/model.onnx", "onnx/model_int8.onnx"):
        write(folder, name, b"garbage")


def swap_labels(folder: Path) -> None:
    """Give two labels each other's name, in all files alike, so that only the scores tell."""

    def swap(names: list[str]) -> list[str]:
        return [names[1], names[0], *names[2:]]

    def in_config(data: dict[str, Any]) -> None:
        names = swap([data["id2label"][str(index)] for index in range(4)])
        data.update(id2label=dict(enumerate(names)), label2id={name: index for index, name in enumerate(names)})

    def in_manifest(data: dict[str, Any]) -> None:
        labels = data["label_set"]["labels"]
        labels[0], labels[1] = labels[1], labels[0]

    edit(folder, "eventroles.json", in_manifest)
    edit(folder, "config.json", in_config)
    change_weights(folder, lambda _: None)


def swap_outputs(folder: Path) -> None:
    """Swap two rows of the head: the names are right, the scores are each other's."""

    def swap(weights: dict[str, np.ndarray]) -> None:
        for name in ("classifier.weight", "classifier.bias"):
            rows = weights[name].copy()
            rows[[0, 1]] = rows[[1, 0]]
            weights[name] = rows

    change_weights(folder, swap)


def shuffle_tokens(folder: Path) -> None:
    def shuffle(data: dict[str, Any]) -> None:
        words = data["model"]["vocab"]
        plain = [word for word in words if not word.startswith("[")]
        data["model"]["vocab"] = words | dict(zip(plain, (words[word] for word in reversed(plain)), strict=True))

    edit(folder, "tokenizer.json", shuffle)


def make_exclusive(folder: Path) -> None:
    """Turn sigmoids into a softmax, with rules that fit it."""

    def change(data: dict[str, Any]) -> None:
        data["label_set"]["exclusive"] = True
        for rule in (data["decision"], *(export["decision"] for export in data["exports"].values())):
            if rule:
                rule.update(temperatures=[1.0], thresholds=[], biases=[], review=[], max_error=None)

    edit(folder, "eventroles.json", change)


def fifo(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


def tamper(folder: Path, name: str) -> None:
    """Change a byte and leave the hashes as they are."""
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 0x55
    (folder / name).write_bytes(content)


def damaged_header(folder: Path, length: int, header: bytes = b"{}") -> None:
    write(folder, "model.safetensors", struct.pack("<Q", length) + header)


def index_outside(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
    index = {"weight_map": {"classifier.weight": "../outside.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def index_of_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "shard.bin").write_bytes(pickled(folder))
    index = {"weight_map": {"classifier.weight": "shard.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def config(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: edit(folder, "config.json", lambda data: data.update(changes))


HOSTILE: Mapping[str, Hostile] = {
    # Code
    "pickled weights and no others": Hostile(PLAIN, only_a_pickle, "pytorch_model.bin, of a kind that can run code"),
    "a pickle called safetensors": Hostile(
        PLAIN, lambda folder: write(folder, "model.safetensors", pickled(folder)), "no safetensors file at all"
    ),
    "the same in a model of ours, with its hash": Hostile(
        OURS, lambda folder: write(folder, "model.safetensors", pickled(folder)), "no safetensors file at all"
    ),
    "a zip with a pickle called safetensors": Hostile(OURS, pickle_in_a_zip, "no safetensors file at all"),
    "a zip bomb called safetensors": Hostile(OURS, zip_bomb, "no safetensors file at all"),
    "code named in config.json (auto_map)": Hostile(
        PLAIN, lambda folder: code_beside(folder, "config.json"), "code of its own"
    ),
    "the same in a model of ours": Hostile(OURS, lambda folder: code_beside(folder, "config.json"), "code of its own"),
    "code named in tokenizer_config.json": Hostile(
        PLAIN, lambda folder: code_beside(folder, "tokenizer_config.json"), "code of its own"
    ),
    "a program among the files of the manifest": Hostile(OURS, lambda f: name_file(f, "run.so"), "no file of a model"),
    "a script among the files of the manifest": Hostile(OURS, lambda f: name_file(f, "setup.py"), "no file of a model"),
    "an index of weights that names a pickle": Hostile(PLAIN, index_of_a_pickle, "not a safetensors file"),
    "an architecture that transformers does not know": Hostile(
        PLAIN, config(model_type="evil"), "cannot load the model"
    ),
    # Paths
    "a file name that leads out of the folder": Hostile(
        OURS, lambda folder: name_file(folder, "../../etc/passwd.json"), "not in the folder"
    ),
    "an absolute file name": Hostile(OURS, lambda folder: name_file(folder, "/etc/passwd.json"), "not in the folder"),
    "a file name with backslashes": Hostile(OURS, lambda f: name_file(f, "..\\\\win.json"), "not in the folder"),
    "an export that leads out of the folder": Hostile(OURS, lambda f: name_export(f, "../evil.onnx"), "exports are"),
    "an export that leads out through onnx/": Hostile(
        OURS, lambda folder: name_export(folder, "onnx/../../evil.onnx"), "not in the folder"
    ),
    "an export that is no ONNX file": Hostile(OURS, lambda folder: name_export(folder, "onnx/evil.so"), "exports are"),
    "an index of weights that leads out": Hostile(PLAIN, index_outside, "leads out of the model folder"),
    "weights that are a link outward": Hostile(OURS, lambda f: link(f, "model.safetensors"), "link that leads out"),
    "a tokenizer that is a link outward": Hostile(OURS, lambda f: link(f, "tokenizer.json"), "link that leads out"),
    "a folder of exports that is a link outward": Hostile(OURS, link_exports, "link that leads out", "onnx"),
    "a pipe in place of a file": Hostile(OURS, fifo, "config.json is missing"),
    "an ONNX file whose weights are another file": Hostile(OURS, external_data, "weights in other files", "onnx"),
    # Sizes
    "a configuration of a billion layers": Hostile(OURS, config(num_hidden_layers=10**9), "not of this model"),
    "a configuration of a trillion words": Hostile(PLAIN, config(vocab_size=10**12), "not of this model"),
    "a configuration with a size below zero": Hostile(OURS, config(hidden_size=-1), "not of this model"),
    "a configuration of ten megabytes": Hostile(OURS, config(padding="x" * 10_000_000), "it is not opened"),
    "a window of a billion tokens": Hostile(
        OURS,
        lambda folder: edit(folder, "eventroles.json", lambda data: data.update(window=10**9)),
        "less than or equal",
    ),
    "a header of weights that claims exabytes": Hostile(OURS, lambda f: damaged_header(f, 2**60), "claims"),
    # Weights
    "weights that are not numbers": Hostile(
        OURS, lambda folder: change_weights(folder, lambda weights: poison(weights, np.nan)), "not numbers"
    ),
    "weights that are infinite": Hostile(
        PLAIN, lambda folder: change_weights(folder, lambda weights: poison(weights, np.inf)), "not numbers"
    ),
    "a head of another shape": Hostile(
        OURS,
        lambda folder: change_weights(
            folder, lambda weights: weights.update({"classifier.weight": weights["classifier.weight"][:2].copy()})
        ),
        "another shape",
    ),
    "weights without a head": Hostile(
        OURS, lambda folder: change_weights(folder, lambda weights: weights.pop("classifier.weight")), "missing"
    ),
    "weights cut short": Hostile(
        OURS, lambda f: write(f, "model.safetensors", (f / "model.safetensors").read_bytes()[:-100]), "damaged"
    ),
    "weights of eight bytes": Hostile(OURS, lambda folder: damaged_header(folder, 0, b""), "damaged"),
    "weights with a header of garbage": Hostile(OURS, lambda f: damaged_header(f, 4, b"\xff\xfe{{"), "damaged"),
    "an ONNX file of garbage": Hostile(OURS, garbage_for_exports, "onnxruntime cannot load the model", "onnx"),
    "an empty ONNX file": Hostile(OURS, lambda f: write(f, "onnx/model_int8.onnx", b""), "empty", "onnx"),
    # Meaning
    "two labels with each other's name": Hostile(OURS, swap_labels, "self-check fails"),
    "two outputs in each other's place": Hostile(OURS, swap_outputs, "self-check fails"),
    "labels of config.json in another order": Hostile(
        OURS,
        lambda folder: edit(
            folder, "config.json", lambda data: data["id2label"].update({"0": "retaliation", "1": "attack"})
        ),
        "in this order",
    ),
    "a tokenizer with other numbers for its words": Hostile(OURS, shuffle_tokens, "self-check fails"),
    "a softmax in place of sigmoids": Hostile(OURS, make_exclusive, "self-check fails"),
    "an ONNX file of another model": Hostile(OURS, lambda folder: other_graph(folder, 4), "self-check fails", "onnx"),
    "an ONNX file with other outputs": Hostile(OURS, lambda folder: other_graph(folder, 3), "gives 3 scores", "onnx"),
    # Files
    "weights that were changed": Hostile(OURS, lambda folder: tamper(folder, "model.safetensors"), "SHA-256 differs"),
    "an export that was changed": Hostile(OURS, lambda f: tamper(f, "onnx/model_int8.onnx"), "SHA-256 differs", "onnx"),
    "a tokenizer that was changed": Hostile(OURS, lambda folder: tamper(folder, "tokenizer.json"), "SHA-256 differs"),
    "a manifest that is not JSON": Hostile(
        OURS, lambda f: write(f, "x", b"") or (f / "eventroles.json").write_bytes(b"{"), "damaged"
    ),
    "a manifest that is not text": Hostile(
        OURS, lambda f: (f / "eventroles.json").write_bytes(b"\xff\xfe\x00"), "damaged"
    ),
    "a manifest of a hundred thousand brackets": Hostile(
        OURS, lambda folder: (folder / "eventroles.json").write_bytes(b"[" * 100_000), "damaged"
    ),
    "a configuration of a hundred thousand brackets": Hostile(
        OURS, lambda folder: write(folder, "config.json", b"[" * 100_000), "not readable JSON"
    ),
    "a configuration that is a list": Hostile(
        OURS, lambda f: write(f, "config.json", b"[1]"), "expected a JSON object"
    ),
    "thresholds that are not numbers": Hostile(
        OURS,
        lambda folder: (folder / "eventroles.json").write_text(
            (folder / "eventroles.json")
            .read_text(encoding="utf-8")
            .replace('"thresholds": [', '"thresholds": [NaN, ', 1),
            encoding="utf-8",
        ),
        "damaged|finite",
    ),
    "no tokenizer": Hostile(OURS, lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing"),
    "a tokenizer of garbage": Hostile(OURS, lambda f: write(f, "tokenizer.json", b"{}"), "not a readable tokenizer"),
}
"""Every hostile folder by what it is called in docs/security.md."""
