"""Writes trl_loss.json: TRL's own GRPO loss, its metrics and its gradient on seeded arrays, in float64.

The loss is the unchanged GRPOTrainer._compute_loss (loss_type "bnpo", the mean over tokens) on a trainer that is only a bag of
settings. With a cap it is the decoupled objective: TRL has it for samples of another engine (mode "token_truncate"), whose
weights it works out before the loss, as here. Needs trl and torch; run it in this folder.
"""
import collections
import json
from types import SimpleNamespace

import torch
import trl
from trl import GRPOTrainer


def case(name, seed, lengths, advantages, low, high, beta, cap=None):
    torch.manual_seed(seed)
    count, width = len(lengths), max(lengths)
    policy = -3 * torch.rand(count, width, dtype=torch.float64)
    behaviour = policy + 0.3 * torch.randn(count, width, dtype=torch.float64)
    reference = policy + 0.5 * torch.randn(count, width, dtype=torch.float64)
    proximal = behaviour if cap is None else policy + 0.3 * torch.randn(count, width, dtype=torch.float64)
    weight = torch.clamp(torch.exp(proximal - behaviour), max=cap) if cap else torch.ones_like(proximal)
    policy.requires_grad_(True)
    mask = torch.zeros(count, width, dtype=torch.float64)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    metrics = collections.defaultdict(list)
    bag = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (policy, torch.zeros_like(policy), None),
        aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None, importance_sampling_level="token",
        beta=beta, args=SimpleNamespace(use_bias_correction_kl=False, delta=None), loss_type="bnpo", epsilon_low=low,
        epsilon_high=high, use_vllm=cap is not None, vllm_importance_sampling_correction=True,
        model=SimpleNamespace(training=False), _entropy_bonus_enabled=False, _metrics={"eval": metrics},
        accelerator=SimpleNamespace(gather=lambda x: x, reduce=lambda x, reduction: x, gather_for_metrics=lambda x: x))
    ids = torch.zeros(count, width, dtype=torch.long)
    loss = GRPOTrainer._compute_loss(bag, None, {
        "prompt_ids": ids, "prompt_mask": ids, "completion_ids": ids, "completion_mask": mask,
        "advantages": torch.tensor(advantages, dtype=torch.float64), "old_per_token_logps": proximal,
        "ref_per_token_logps": reference, "importance_sampling_ratio": weight})
    loss.backward()
    rows = lambda tensor: [tensor.detach()[row, :length].tolist() for row, length in enumerate(lengths)]
    decoupled = {} if cap is None else {
        "importance_cap": cap, "proximal": rows(proximal),
        "importance_weight": ((weight * mask).sum() / mask.sum()).item()}
    return {
        "name": name, "clip_low": low, "clip_high": high, "kl_coefficient": beta, "advantages": advantages,
        "policy": rows(policy), "behaviour": rows(behaviour), "reference": rows(reference), "loss": loss.item(),
        "kl": metrics["kl"][0] if beta else 0.0, "clip_fraction": metrics["clip_ratio/region_mean"][0],
        "gradient": rows(policy.grad)} | decoupled


cases = [
    case("symmetric clip", 0, [5, 3, 7, 1], [1.2, -0.7, 0.4, -0.9], 0.2, 0.2, 0.04),
    case("wider upper clip", 1, [4, 6], [0.9, -1.1], 0.2, 0.28, 0.04),
    case("no reference policy", 2, [2, 8, 3], [0.5, 0.0, -0.5], 0.1, 0.1, 0.0),
    case("decoupled", 3, [6, 4, 5, 2], [1.1, -0.8, 0.3, -1.4], 0.2, 0.2, 0.04, cap=1.3),
    case("decoupled, no reference policy", 4, [7, 3], [-0.6, 0.9], 0.2, 0.28, 0.0, cap=0.9),
]
with open("trl_loss.json", "w") as file:
    json.dump({"trl": trl.__version__, "cases": cases}, file, indent=1)
