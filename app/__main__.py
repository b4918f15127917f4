"""`python -m eventroles`, which `torchrun` and `accelerate launch` need."""

from .cli import main

main()
