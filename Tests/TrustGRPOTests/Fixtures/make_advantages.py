"""Writes advantages.json: equations 1 to 6 in NumPy on seeded groups. Needs numpy; run it in this folder."""
import json

import numpy as np

rng = np.random.default_rng(7)
cases = []
while len(cases) < 12:
    size = int(rng.integers(2, 9))
    outcomes = rng.integers(0, 2, size).astype(float)
    if outcomes.min() == outcomes.max():
        continue
    thinking = rng.integers(0, 11, size) / 10
    step, total = int(rng.integers(0, 1500)), 1500
    correct, wrong = thinking[outcomes >= 0.5].mean(), thinking[outcomes < 0.5].mean()
    gamma = 1.0 if correct >= wrong else float(np.exp(correct - wrong))
    totals = outcomes + gamma * 0.3 * np.exp(-step / total) * thinking
    cases.append({
        "outcomes": outcomes.tolist(), "thinking": thinking.tolist(), "step": step, "total_steps": total, "mu_c": correct,
        "mu_w": wrong, "gamma": gamma, "totals": totals.tolist(),
        "advantages": ((totals - totals.mean()) / (totals.std(ddof=1) + 1e-6)).tolist(),
        "centred": (totals - totals.mean()).tolist()})
with open("advantages.json", "w") as file:
    json.dump(cases, file, indent=1)
