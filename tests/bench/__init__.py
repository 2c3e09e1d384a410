"""How fast the platform is, as ratios and counts that two noisy cores can still answer.

`./run bench` runs everything and writes docs/performance.md; `./run bench NAME …` runs some. The
benches live in `tests.bench.cases`, the baselines they are held against in `tests.bench.servers`.
"""
