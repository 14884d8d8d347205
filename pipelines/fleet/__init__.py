"""A day of 1,000 cameras, simulated on measured costs: `python -m pipelines.fleet`.

Measured: what a ten-minute segment of a sample video costs to score, and to publish
into an empty store and into one that has counted for four weeks (`cost.py`). Simulated:
segments that end every ten minutes, workers, one writer a camera, an hour in which
nothing is counted, workers that die (`day.py`).
"""
