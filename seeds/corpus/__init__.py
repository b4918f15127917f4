"""The seed corpus, one JSON Lines file per part: data only, no code."""
