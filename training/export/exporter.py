"""One export, start to end: the fp32 graph, its int8 form, the contract of each, and the manifest that names them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...inference.bundle import Bundle, load_bundle, write_manifest
from ...inference.decision import DecisionRule
from ...inference.encoding import Encoded, Encoder
from ...inference.engines.engine import FP32, INT8, EngineFailed
from ...inference.engines.onnx import OnnxEngine
from ...inference.engines.torch import load_torch_engine
from ...inference.errorrates import LabelErrors
from ...inference.manifest import Comparison, DecisionManifest, Export
from ...inference.modelfiles import ONNX_FOLDER
from ...inference.probes import make_probes
from ...labels.errors import ModelError
from ...labels.records import Record
from ..abstain import fit_bands
from ..data import TrainingData, contexts, targets
from ..decide import fit_rule
from ..errorrates import error_rates
from .bert import build_bert, is_bert
from .contract import Judged, broken, compare, shares_to_keep
from .graph import write_model
from .quantise import Product, Range, calibrate, find_products, quantise
from .traced import trace

FILES = {FP32: f"{ONNX_FOLDER}/model.onnx", INT8: f"{ONNX_FOLDER}/model_int8.onnx"}
# onnxruntime and torch add up in different orders, which changes probabilities by about 1e-6.
_SAME = 1e-3
# Sentences that the ranges of activations are taken from: more of them hardly widen a range.
_CALIBRATION = 512


def export_model(
    folder: Path, data: TrainingData | None, *, precisions: Collection[str] = (FP32, INT8)
) -> dict[str, Export]:
    """Export a trained model to ONNX and name the files in its manifest; exports of other precisions stay.

    An int8 file is kept only if its quality contract holds on the validation split: few decisions differ from fp32, and
    macro F1 does not fall. Where it does not, the matrix products that change most stay in fp32, up to half of them.

    Args:
        folder: a local model folder.
        data: what it was trained with, to calibrate and compare on; None is enough for fp32 alone.
        precisions: ``fp32``, ``int8`` or both.

    Returns:
        What was exported, by precision, and why something was not.

    Raises:
        EventRolesError: a package of ``eventroles[train]`` is not installed.
        ModelError: the folder is not a model, or its architecture cannot be exported.
    """
    bundle = load_bundle(folder)
    exporter = _Exporter(bundle, data)
    others = {name: export for name, export in bundle.manifest.exports.items() if name not in precisions}
    # Files change now: until they are whole the manifest must not vouch for them.
    write_manifest(folder, bundle.manifest.model_copy(update={"exports": others}))
    made = {name: exporter.export(name) for name in (FP32, INT8) if name in precisions}
    exports = {name: export for name in (FP32, INT8) if (export := (others | made).get(name)) is not None}
    write_manifest(folder, bundle.manifest.model_copy(update={"exports": exports}))
    return made


class _Exporter:
    """The fp32 graph of one model, and what is needed to judge it and its int8 forms."""

    def __init__(self, bundle: Bundle, data: TrainingData | None) -> None:
        self.bundle = bundle
        self.data = data
        self.encoder = Encoder.load(bundle.folder, window=bundle.manifest.window)
        self.model = _build(bundle.folder)
        self.encoded = self._encode(data.splits.validation) if data else self._encode_definitions()
        torch = load_torch_engine(bundle.folder, device="cpu")
        self.original = Judged(torch.logits(self.encoded), bundle.rule)
        self.fp32 = Judged(_logits(self.model, self.encoded), bundle.rule)

    def export(self, precision: str) -> Export:
        """Write the file of a precision, or remove an older one if its contract does not hold."""
        path = self.bundle.folder / FILES[precision]
        wrong = self._difference_from_torch()
        write = self._export_fp32 if precision == FP32 else self._export_int8
        made = refused(wrong) if wrong else write(path)
        if made.file is None:
            path.unlink(missing_ok=True)
        return made

    def _export_fp32(self, path: Path) -> Export:
        write_model(self.model, path)
        comparison = self._compare(self.original, self.fp32) if self.data else None
        return Export(file=FILES[FP32], decision=None, comparison=comparison, kept_fp32=[], reason="")

    def _export_int8(self, path: Path) -> Export:
        if self.data is None:
            return refused("no validation sentences to compare it on")
        products = find_products(self.model)
        if not products:
            return refused("the graph has no matrix product that can be quantised")
        train = self.data.splits.train
        sample = self._encode(train[:: max(1, len(train) // _CALIBRATION)])
        ranges = calibrate(self.model, products, sample)
        order: list[Product] = []
        for count in shares_to_keep(len(products)):
            if count == 1:
                order = self._by_damage(products, ranges)
            kept = order[:count]
            model = quantise(self.model, [product for product in products if product not in kept], ranges)
            names = sorted(product.name for product in kept)
            tried = [(judged, self._compare(self.fp32, judged)) for judged in self._judge(model)]
            for judged, comparison in tried:
                if not broken(comparison, self.data.config.export):
                    write_model(model, path)
                    return Export(
                        file=FILES[INT8],
                        decision=DecisionManifest.of(judged.rule),
                        comparison=comparison,
                        kept_fp32=names,
                        reason="",
                        errors=self._errors(model, judged.rule),
                        probes=make_probes(
                            self.bundle.label_set,
                            OnnxEngine(model.SerializeToString(), precision=INT8),
                            self.encoder,
                        ),
                    )
        comparison = tried[0][1]
        problem = broken(comparison, self.data.config.export)
        reason = f"even with {len(names)} of {len(products)} matrix products in fp32, {problem}"
        return Export(file=None, decision=None, comparison=comparison, kept_fp32=names, reason=reason)

    def _by_damage(self, products: Sequence[Product], ranges: dict[str, Range]) -> list[Product]:
        """Order products by how much quantising each of them alone changes the logits, worst first."""
        damage = {
            product.name: float(
                np.abs(_logits(quantise(self.model, [product], ranges), self.encoded) - self.fp32.logits).mean()
            )
            for product in products
        }
        return sorted(products, key=lambda product: (-damage[product.name], product.name))

    def _judge(self, model: Any) -> tuple[Judged, Judged]:
        """Score the validation split with a model, and give it two decision rules to choose from.

        Both have temperatures fitted on its own scores. One has thresholds fitted on them too, the other keeps those of
        fp32: on few sentences a fitted threshold jumps for next to nothing.
        """
        assert self.data is not None
        config, validation = self.data.config, self.data.splits.validation
        logits, wanted = _logits(model, self.encoded), targets(validation, self.bundle.label_set)
        fitted = fit_rule(
            logits,
            wanted,
            labels=self.bundle.label_set,
            documents=[record.document for record in validation],
            objective=config.decision.objective,
            calibrate=config.decision.calibrate,
            seed=config.training.seed,
        )
        rules = (fitted, replace(fitted, thresholds=self.bundle.rule.thresholds))
        max_error = self.bundle.rule.max_error
        first, second = (Judged(logits, fit_bands(rule, logits, wanted, max_error=max_error)) for rule in rules)
        if config.decision.folds:  # the rule of fp32 was fitted on many more sentences than validation has
            first = Judged(logits, self.bundle.rule)
        return first, second

    def _errors(self, model: Any, rule: DecisionRule) -> dict[str, LabelErrors]:
        """Return how often a model with a rule is wrong on the test split."""
        assert self.data is not None
        test, labels = self.data.splits.test, self.bundle.label_set
        probabilities = rule.probabilities(_logits(model, self._encode(test)))
        documents = [record.document for record in test]
        return error_rates(
            targets(test, labels), probabilities, rule.decide(probabilities), documents=documents, labels=labels
        )

    def _compare(self, original: Judged, export: Judged) -> Comparison:
        assert self.data is not None
        labels = self.bundle.label_set
        return compare(original, export, targets(self.data.splits.validation, labels), labels)

    def _difference_from_torch(self) -> str:
        difference = np.abs(
            self.bundle.rule.probabilities(self.original.logits) - self.bundle.rule.probabilities(self.fp32.logits)
        ).max()
        return f"its fp32 scores differ from torch's by up to {difference:.3f}" if difference > _SAME else ""

    def _encode(self, records: Sequence[Record]) -> list[Encoded]:
        texts = [record.text for record in records]
        return self.encoder.encode(texts, contexts(records, self.bundle.manifest.context))

    def _encode_definitions(self) -> list[Encoded]:
        """Encode some text that every model folder has, to compare fp32 with torch on."""
        return self.encoder.encode([label.definition for label in self.bundle.label_set.labels])


def _build(folder: Path) -> Any:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return build_bert(folder) if is_bert(config) else trace(folder)


def _logits(model: Any, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
    try:
        return OnnxEngine(model.SerializeToString(), precision=FP32).logits(sentences)
    except EngineFailed as error:
        raise ModelError(f"the exported graph does not run: {error}") from error


def refused(reason: str) -> Export:
    """Return the record of an export that was not kept, with the reason."""
    return Export(file=None, decision=None, comparison=None, kept_fp32=[], reason=reason)
