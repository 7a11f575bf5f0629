"""Makes what TransformersGradientTests compares a training step with.

    python make_gradients.py      # needs torch and transformers

Two of the models in VisionLanguageTests/Fixtures take one step of equation 7 of SophiaVL-R1 (arXiv 2505.17018), written down
here with plain torch: the clipped ratio, the k3 divergence from a reference policy, the mean over all tokens, then AdamW.
Each response is read by transformers with its whole prompt, images included; nothing is shared and nothing is cached.

gradients.json holds the groups, the loss, the norm and a sample of every parameter's gradient, and what a prompt that was not
trained on has for logits before and after the step. Numbers of image k are sin(0.37 i + k), as in make_fixtures.py.
"""
import json
import math
import random
from pathlib import Path

import torch
from transformers import Qwen2_5_VLForConditionalGeneration

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "VisionLanguageTests" / "Fixtures"
IMAGE, START, END = 90, 92, 93
CLIP_LOW, CLIP_HIGH, BETA = 0.2, 0.28, 0.04
LEARNING_RATE, WEIGHT_DECAY, MAXIMUM_NORM = 1e-4, 0.1, 1.0
# Rows and columns of merged tokens of each image, then the words.
PROMPTS = [([(2, 3)], [5, 17, 33]), ([(1, 2), (4, 2)], [8, 60, 41, 3, 12]), ([], [30, 31])]
PROBE = ([(3, 2)], [9, 2, 77])


def tokens_of(prompt, merge):
    grids, words = prompt
    return [1, 2] + [t for rows, columns in grids for t in [START] + [IMAGE] * (rows * columns) + [END]] + words


def inputs(model, prompt, response):
    vision = model.config.vision_config
    merge, elements = vision.spatial_merge_size, vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
    ids = torch.tensor([tokens_of(prompt, merge) + response])
    more = {}
    if prompt[0]:
        grids = [(1, rows * merge, columns * merge) for rows, columns in prompt[0]]
        pixels = [
            torch.sin(0.37 * torch.arange(h * w * elements, dtype=torch.float64) + k).float().reshape(-1, elements)
            for k, (_, h, w) in enumerate(grids)
        ]
        more = dict(
            pixel_values=torch.cat(pixels), image_grid_thw=torch.tensor(grids), mm_token_type_ids=(ids == IMAGE).int())
    return dict(input_ids=ids, use_cache=False) | more


def logits(model, prompt, response):
    """Of each token of the response, and of the one after it: [response + 1, vocabulary]."""
    model.model.rope_deltas = None
    return model(**inputs(model, prompt, response)).logits[0, -1 - len(response) :]


def log_probabilities(model, prompt, response):
    rows = logits(model, prompt, response)[:-1].log_softmax(-1)
    return rows[torch.arange(len(response)), torch.tensor(response)]


def groups(model, draws):
    """Responses, and behaviour and reference policies that are some way from this one: ratios on both sides of the clip."""
    made = []
    for prompt in PROMPTS:
        responses = []
        for _ in range(3):
            tokens = [draws.randrange(90) for _ in range(draws.randrange(1, 6))]
            with torch.no_grad():
                now = log_probabilities(model, prompt, tokens).tolist()
            responses.append(dict(
                tokens=tokens, behaviour=[min(0, round(p + draws.uniform(-0.5, 0.5), 5)) for p in now],
                reference=[min(0, round(p + draws.uniform(-1, 1), 5)) for p in now],
                advantage=round(draws.uniform(-2, 2), 5)))
        made.append(dict(
            tokens=tokens_of(prompt, model.config.vision_config.spatial_merge_size),
            grids=[list(grid) for grid in prompt[0]], responses=responses))
    return made


def step(name):
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        MODELS / name, dtype=torch.float32, attn_implementation="eager")
    data = groups(model, random.Random(name))
    with torch.no_grad():
        before = logits(model, PROBE, [])[0].tolist()

    total, count, clipped, divergence = 0, 0, 0, 0
    for prompt, group in zip(PROMPTS, data):
        for response in group["responses"]:
            behaviour, reference = torch.tensor(response["behaviour"]), torch.tensor(response["reference"])
            policy = log_probabilities(model, prompt, response["tokens"])
            ratio, advantage = (policy - behaviour).exp(), response["advantage"]
            free, held = ratio * advantage, ratio.clamp(1 - CLIP_LOW, 1 + CLIP_HIGH) * advantage
            k3 = (reference - policy).exp() - (reference - policy) - 1
            total = total + (BETA * k3 - torch.minimum(free, held)).sum()
            clipped += int((held < free).sum())
            divergence += float(k3.sum())
            count += len(response["tokens"])
    loss = total / count
    loss.backward()

    gradients = {}
    for key, parameter in model.named_parameters():
        published = key.replace("model.language_model.", "model.").replace("model.visual.", "visual.")
        flat = parameter.grad.flatten()
        gradients[published] = dict(
            norm=float(flat.double().norm()),
            sample=[float(f"{float(flat[i * 7919 % len(flat)]):.6g}") for i in range(min(10, len(flat)))])
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), MAXIMUM_NORM))
    torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY).step()
    with torch.no_grad():
        after = logits(model, PROBE, [])[0].tolist()
    print(f"{name}: loss {float(loss):.4f}, norm {norm:.4f}, {clipped} of {count} tokens clipped, logits move by up to "
          f"{max(abs(a - b) for a, b in zip(after, before)):.4f}")
    return dict(
        groups=data, loss=float(loss), kl=divergence / count, clip_fraction=clipped / count, norm=norm, gradients=gradients,
        probe=dict(tokens=tokens_of(PROBE, None), grids=[list(grid) for grid in PROBE[0]], before=before, after=after))


def main():
    settings = dict(
        clip_low=CLIP_LOW, clip_high=CLIP_HIGH, beta=BETA, learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY,
        maximum_norm=MAXIMUM_NORM)
    result = dict(settings=settings, models={name: step(name) for name in ("tied", "whole")})
    (HERE / "gradients.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
