"""Fewer layers: which architectures can give up some, and what the rest computes."""

from __future__ import annotations

import pytest
import torch
import transformers
from eventroles.labels import ConfigError
from eventroles.training.layers import keep_layers

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}


def build(name: str, **options: int) -> transformers.PreTrainedModel:
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(name, **(options or SMALL), num_labels=2)
    return transformers.AutoModelForSequenceClassification.from_config(config).eval()


def logits(model: transformers.PreTrainedModel) -> torch.Tensor:
    with torch.inference_mode():
        return model.eval()(torch.tensor([[3, 8, 9, 4]])).logits


DISTILBERT = {"vocab_size": 50, "dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32}


@pytest.mark.parametrize(
    ("name", "options"),
    [("bert", SMALL), ("roberta", SMALL), ("electra", SMALL), ("deberta-v2", SMALL), ("distilbert", DISTILBERT)],
)
def test_an_encoder_of_some_layers_is_what_the_whole_one_is_without_the_others(
    name: str, options: dict[str, int]
) -> None:
    whole = build(name, **options)
    before = logits(whole)
    student = keep_layers(whole, [0, 2], name="x")
    assert 2 == student.config.num_hidden_layers
    lists = [module for module in whole.modules() if isinstance(module, torch.nn.ModuleList) and len(module) == 3]
    assert torch.equal(before, logits(whole)), "the teacher stays whole"
    del lists[0][1]
    whole.config.num_hidden_layers = 2
    assert torch.allclose(logits(whole), logits(student), atol=1e-6)
    assert not torch.allclose(before, logits(student), atol=1e-6)


def test_all_layers_are_the_whole_model() -> None:
    whole = build("bert")
    assert torch.equal(logits(whole), logits(keep_layers(whole, [0, 1, 2], name="x")))


def test_a_layer_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"distillation\.layers: x has 3 layers, counted from 0 to 2; found 3, 7"):
        keep_layers(build("bert"), [1, 3, 7], name="x")


def test_an_architecture_whose_layers_share_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot tell the encoder layers of x \(albert\) from its other parts"):
        keep_layers(build("albert"), [0], name="x")


def test_a_layer_that_the_architecture_cannot_do_without_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"x \(modernbert\) does not work with the layers 1, 2 alone: .*attn_norm"):
        keep_layers(build("modernbert", **SMALL, pad_token_id=0), [1, 2], name="x")
