"""The numbers that a model is trained with: float32, or bfloat16 where the machine multiplies in it."""

from __future__ import annotations

from ..configs.schema import Config

_CPU_INSTRUCTIONS = ("amx_bf16", "avx512_bf16")


def settle_precision(config: Config) -> Config:
    """Return the config with ``training.precision`` as it will be on this machine, ``auto`` resolved.

    In bf16 matrix products and activations are bfloat16, while weights, optimizer state and loss stay float32 (mixed
    precision: Micikevicius et al., 2018; with bfloat16, which needs no loss scaling: Kalamkar et al., 2019, A Study of
    BFLOAT16 for Deep Learning Training).
    """
    if config.training.precision != "auto":
        return config
    chosen = "bf16" if _multiplies_bf16(cpu=bool(config.trainer.get("use_cpu"))) else "fp32"
    return config.model_copy(update={"training": config.training.model_copy(update={"precision": chosen})})


def _multiplies_bf16(*, cpu: bool) -> bool:
    import torch

    if torch.cuda.is_available() and not cpu:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.backends.mps.is_available() and not cpu:
        return False
    # Elsewhere bfloat16 works as well, but is widened to float32 for each product and slower than that.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name) for name in _CPU_INSTRUCTIONS)
