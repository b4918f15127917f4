"""One module per way to turn token ids into logits."""
