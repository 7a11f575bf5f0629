"""Makes the model folders and expected numbers that the tests of the model compare against.

    python make_fixtures.py      # needs torch, transformers, safetensors

Two random Qwen2.5-VL models of a few thousand parameters, run by transformers in single precision:

- `tied`: as transformers saves it (one file, decoder settings in text_config), windows of 2 x 2 tokens, head tied.
- `untied`: decoder settings at the top of config.json with rope_scaling, as the published models have them; several files
  with an index; weights named as the modules are (model.visual, model.language_model), as some versions wrote them; head of
  its own.

expected.json holds, for each prompt, its M-RoPE positions, the log-probabilities of a response, and the greedy response.
Images are not stored: number i of image k is sin(0.37 i + k), in single precision.
"""
import json
import math
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

HERE = Path(__file__).parent
IMAGE, VIDEO, START, END, EOS = 90, 91, 92, 93, 94


def make(seed, tied, hidden, heads, kv_heads, sections, vision, layers):
    torch.manual_seed(seed)
    config = Qwen2_5_VLConfig(
        text_config=dict(
            vocab_size=96, hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=layers,
            num_attention_heads=heads, num_key_value_heads=kv_heads, rms_norm_eps=1e-6, max_position_embeddings=512,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0, mrope_section=sections),
            bos_token_id=None, eos_token_id=EOS, pad_token_id=None, tie_word_embeddings=tied),
        vision_config=dict(
            spatial_merge_size=2, temporal_patch_size=2, in_channels=3, out_hidden_size=hidden, hidden_act="silu", **vision),
        image_token_id=IMAGE, video_token_id=VIDEO, vision_start_token_id=START, vision_end_token_id=END,
        tie_word_embeddings=tied)
    model = Qwen2_5_VLForConditionalGeneration._from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Far from where training begins, so that every part matters to the result.
            if "norm" in name or "ln_q" in name:
                parameter.copy_(1 + 0.3 * torch.randn_like(parameter))
            elif name.endswith("bias"):
                parameter.copy_(0.3 * torch.randn_like(parameter))
            else:
                gain = 1 if "embed" in name or "lm_head" in name else 1.8
                parameter.copy_(gain * torch.randn_like(parameter) / math.sqrt(parameter[0].numel()))
        model.tie_weights()
    return model


def image_prompt(grids, words):
    tokens = [1, 2]
    for height, width in grids:
        tokens += [START] + [IMAGE] * (height * width // 4) + [END]
    return tokens + words


def patches(grids, elements):
    rows = []
    for k, (height, width) in enumerate(grids):
        count = height * width * elements
        angles = 0.37 * torch.arange(count, dtype=torch.float64) + k
        rows.append(torch.sin(angles).float().reshape(-1, elements))
    return torch.cat(rows) if rows else None


def expected(model, name, grids, words, response, new_tokens):
    vision = model.config.vision_config
    elements = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
    prompt = image_prompt(grids, words)
    pixels = patches(grids, elements)

    def run(tokens):
        ids = torch.tensor([tokens])
        extra = {}
        if grids:
            grid = torch.tensor([[1, h, w] for h, w in grids])
            extra = dict(pixel_values=pixels, image_grid_thw=grid, mm_token_type_ids=(ids == IMAGE).int())
        model.model.rope_deltas = None
        with torch.no_grad():
            return model(input_ids=ids, use_cache=False, **extra).logits[0]

    ids = torch.tensor([prompt])
    positions = torch.arange(len(prompt)).expand(3, -1)
    if grids:
        positions, _ = model.model.get_rope_index(
            ids, (ids == IMAGE).int(), torch.tensor([[1, h, w] for h, w in grids]))
        positions = positions[:, 0]

    logits = run(prompt + response)
    log_probabilities = logits.log_softmax(-1)
    rows = log_probabilities[len(prompt) - 1 : len(prompt) + len(response) - 1]
    greedy = []
    for _ in range(new_tokens):  # without a cache, on purpose
        greedy.append(int(run(prompt + greedy)[-1].argmax()))
    return dict(
        name=name, grids=grids, tokens=prompt, positions=positions.T.tolist(), response=response,
        first_logits=logits[len(prompt) - 1].tolist(),
        log_probabilities=[float(row[token]) for row, token in zip(rows, response)],
        entropies=[float(-(row.exp() * row).sum()) for row in rows], greedy=greedy)


def cases(model):
    words, response = [5, 17, 33, 8, 60, 41], [7, 7, 52, 3, 88, 12, 94]
    return [
        expected(model, "text only", [], words, response, 12),
        expected(model, "an image that fills whole windows", [(4, 8)], words, response, 12),
        expected(model, "an image whose windows do not divide", [(6, 10)], words, response, 12),
        expected(model, "one row of tokens", [(2, 8)], words[:3], response[:1], 12),
        expected(model, "two images of different sizes", [(2, 6), (10, 4)], words, response, 12),
    ]


def other_layout(folder):
    """Rewrites a saved folder: settings as published, weights named as the modules are, in two files with an index."""
    tensors = {}
    for file in folder.glob("*.safetensors"):
        tensors |= load_file(file)
        file.unlink()
    tensors = {
        name if name.startswith("lm_head")
        else "model." + name if name.startswith("visual.")
        else name.replace("model.", "model.language_model.", 1): tensor
        for name, tensor in tensors.items()
    }
    names = sorted(tensors)
    index = {}
    for number, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), 1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: tensors[name].contiguous() for name in part}, folder / file, metadata={"format": "pt"})
        index |= {name: file for name in part}
    size = sum(tensor.numel() * 4 for tensor in tensors.values())
    (folder / "model.safetensors.index.json").write_text(
        json.dumps(dict(metadata=dict(total_size=size), weight_map=index), indent=1) + "\n")

    config = json.loads((folder / "config.json").read_text())
    text, vision = config["text_config"], config["vision_config"]
    rope = text["rope_parameters"]
    keep = (
        "vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads rms_norm_eps "
        "max_position_embeddings hidden_act eos_token_id").split()
    flat = {key: text[key] for key in keep} | dict(
        architectures=["Qwen2_5_VLForConditionalGeneration"], model_type="qwen2_5_vl", attention_dropout=0.0,
        image_token_id=IMAGE, video_token_id=VIDEO, vision_start_token_id=START, vision_end_token_id=END,
        rope_theta=rope["rope_theta"], rope_scaling=dict(type="mrope", mrope_section=rope["mrope_section"]),
        tie_word_embeddings=False, torch_dtype="float32", use_sliding_window=False)
    keep = (
        "depth hidden_size intermediate_size num_heads patch_size temporal_patch_size spatial_merge_size window_size "
        "fullatt_block_indexes out_hidden_size hidden_act").split()
    flat["vision_config"] = {key: vision[key] for key in keep} | dict(in_chans=3, spatial_patch_size=vision["patch_size"])
    (folder / "config.json").write_text(json.dumps(flat, indent=2) + "\n")


def save(model, name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


def main():
    tied = make(
        1, True, 32, 4, 2, [2, 1, 1], layers=2,
        vision=dict(
            depth=2, hidden_size=16, intermediate_size=24, num_heads=2, patch_size=4, window_size=16,
            fullatt_block_indexes=[1]))
    save(tied, "tied")
    untied = make(
        2, False, 48, 6, 2, [1, 2, 1], layers=3,
        vision=dict(
            depth=3, hidden_size=24, intermediate_size=40, num_heads=3, patch_size=2, window_size=8,
            fullatt_block_indexes=[0, 2]))
    other_layout(save(untied, "untied"))
    # What a model computes is taken from the saved folder, so that the files are what the numbers belong to.
    results = {}
    for name in ("tied", "untied"):
        model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            HERE / name, dtype=torch.float32, attn_implementation="eager").eval()
        results[name] = cases(model)
    (HERE / "expected.json").write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()
