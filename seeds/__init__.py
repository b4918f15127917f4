"""The hand-labelled seed sentences: data and data card, no code."""
