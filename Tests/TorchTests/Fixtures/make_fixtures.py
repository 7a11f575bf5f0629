"""Writes adamw.json and python.safetensors: what PyTorch and the safetensors package say. Needs torch, safetensors."""

import json
import pathlib

import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent


def adamw() -> None:
    """Eight steps of torch.optim.AdamW (its plain, not its fused form) with a changing rate and a clipped gradient."""
    torch.manual_seed(7)
    start = [torch.randn(3, 4, dtype=torch.float64), torch.randn(5, dtype=torch.float64)]
    gradients = [[torch.randn_like(p) * 3 for p in start] for _ in range(8)]
    rates = [1e-3 * (i + 1) for i in range(8)]
    parameters = [p.clone().requires_grad_() for p in start]
    optimiser = torch.optim.AdamW(
        parameters, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1, foreach=False, fused=False)
    norms = []
    for rate, step in zip(rates, gradients):
        for parameter, gradient in zip(parameters, step):
            parameter.grad = gradient.clone()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, 10.0).item())
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
    flat = lambda tensors: [t.detach().flatten().tolist() for t in tensors]
    fixture = {
        "start": flat(start), "gradients": [flat(g) for g in gradients], "rates": rates, "norms": norms,
        "end": flat(parameters), "averages": flat([optimiser.state[p]["exp_avg"] for p in parameters]),
        "squares": flat([optimiser.state[p]["exp_avg_sq"] for p in parameters]),
    }
    (here / "adamw.json").write_text(json.dumps(fixture) + "\n")


def safetensors() -> None:
    save_file(
        {
            "matrix": torch.tensor([[1.5, -2.0, 3.25], [0.0, 1e-3, -7.0]]),
            "half": torch.tensor([1.0, -0.5], dtype=torch.float16),
            "brain": torch.tensor([3.0, -2.0], dtype=torch.bfloat16),
            "whole": torch.tensor([[2**40], [-3]], dtype=torch.int64),
            "flags": torch.tensor([True, False, True]),
            "scalar": torch.tensor(4.0, dtype=torch.float64),
            "nothing": torch.zeros(0, 5),
            "näme \"quoted\"": torch.tensor([9], dtype=torch.uint8),
        },
        here / "python.safetensors",
        metadata={"format": "pt"},
    )


adamw()
safetensors()
