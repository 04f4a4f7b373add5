"""What the parts cost: `python -m benchmarks.<part>` measures one of them in a few seconds."""
