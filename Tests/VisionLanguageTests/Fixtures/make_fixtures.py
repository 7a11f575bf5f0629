"""Makes the model folders and expected numbers that the tests of the model compare against.

    python make_fixtures.py      # needs torch, transformers, safetensors

Random Qwen2.5-VL models of a few thousand parameters, run by transformers in single precision:

- `tied`: as transformers saves it (one file, decoder settings in text_config), windows of 2 x 2 tokens, head tied.
- `untied`: decoder settings at the top of config.json with rope_scaling, as the published models have them; several files
  with an index; weights named as the modules are (model.visual, model.language_model), as some versions wrote them; head of
  its own.
- `odd`: one key head for five query heads, widths that no vector register divides, patches of 3 pixels merged 3 x 3, one
  frame deep; bfloat16 in one file, settings at the top, published names.
- `whole`: a key head for each query head, every block of the tower sees the whole image, patches of 5 pixels and 3 frames
  that are not merged; float16 in three files, settings in text_config, named as the modules are, head of its own.
- `windows`: three query heads on one key head, no block of the tower sees more than its window, 3 x 3 patches merged; float32,
  settings at the top, named as the modules are.
- `single`: one layer and one block; bfloat16 in two files, settings in text_config, published names, head of its own.

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


def make(seed, tied, hidden, heads, kv_heads, sections, vision, layers, inner=None, theta=10000.0):
    torch.manual_seed(seed)
    config = Qwen2_5_VLConfig(
        text_config=dict(
            vocab_size=96, hidden_size=hidden, intermediate_size=inner or 2 * hidden, num_hidden_layers=layers,
            num_attention_heads=heads, num_key_value_heads=kv_heads, rms_norm_eps=1e-6, max_position_embeddings=512,
            rope_parameters=dict(rope_type="default", rope_theta=theta, mrope_section=sections),
            bos_token_id=None, eos_token_id=EOS, pad_token_id=None, tie_word_embeddings=tied),
        vision_config=dict(in_channels=3, out_hidden_size=hidden, hidden_act="silu")
        | dict(spatial_merge_size=2, temporal_patch_size=2) | vision,
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


def image_prompt(grids, words, merge):
    tokens = [1, 2]
    for height, width in grids:
        tokens += [START] + [IMAGE] * (height * width // merge**2) + [END]
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
    prompt = image_prompt(grids, words, vision.spatial_merge_size)
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
        if greedy[-1] in (IMAGE, VIDEO):  # an image that is not there
            break
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


def odd_cases(model):
    """Sizes in merged tokens: images that fill windows, that do not, three of different sizes, and one token."""
    words, response = [5, 17, 33, 8], [7, 7, 52, 3, 88]
    merge = model.config.vision_config.spatial_merge_size

    def grids(*sizes):
        return [(rows * merge, columns * merge) for rows, columns in sizes]

    return [
        rounded(expected(model, name, grids(*sizes), words, response, 8))
        for name, sizes in [
            ("text only", []), ("an image of one token", [(1, 1)]), ("windows that do not divide", [(3, 5)]),
            ("three images of different sizes", [(4, 2), (1, 3), (2, 2)]),
        ]
    ]


def rounded(case):
    for key in ("first_logits", "log_probabilities", "entropies"):
        case[key] = [round(number, 6) for number in case[key]]
    return case


def rewrite(folder, names="published", files=1):
    """Rewrites the weights of a saved folder: named as published or as the modules are, in so many files."""
    tensors = {}
    for file in folder.glob("*.safetensors"):
        tensors |= load_file(file)
        file.unlink()
    if names == "modules":
        tensors = {
            name if name.startswith("lm_head")
            else "model." + name if name.startswith("visual.")
            else name.replace("model.", "model.language_model.", 1): tensor
            for name, tensor in tensors.items()
        }
    if files == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(tensors)
    index = {}
    for number in range(files):
        part = names[number * len(names) // files : (number + 1) * len(names) // files]
        file = f"model-{number + 1:05}-of-{files:05}.safetensors"
        save_file({name: tensors[name].contiguous() for name in part}, folder / file, metadata={"format": "pt"})
        index |= {name: file for name in part}
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    (folder / "model.safetensors.index.json").write_text(
        json.dumps(dict(metadata=dict(total_size=size), weight_map=index), indent=1) + "\n")


def flatten(folder):
    """Rewrites the settings of a saved folder as the published models have them: the decoder's at the top."""
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
        tie_word_embeddings=config["tie_word_embeddings"], torch_dtype=config["dtype"], use_sliding_window=False)
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
    flatten(save(untied, "untied"))
    rewrite(HERE / "untied", names="modules", files=2)
    odd = make(
        3, True, 30, 5, 1, [1, 1, 1], layers=2, inner=11,
        vision=dict(
            depth=2, hidden_size=4, intermediate_size=19, num_heads=1, patch_size=3, window_size=18, spatial_merge_size=3,
            temporal_patch_size=1, fullatt_block_indexes=[0]))
    flatten(save(odd.to(torch.bfloat16), "odd"))
    whole = make(
        4, False, 12, 3, 3, [1, 0, 1], layers=2, inner=11,
        vision=dict(
            depth=2, hidden_size=12, intermediate_size=9, num_heads=3, patch_size=5, window_size=10, spatial_merge_size=1,
            temporal_patch_size=3, fullatt_block_indexes=[0, 1]))
    save(whole.to(torch.float16), "whole")
    rewrite(HERE / "whole", names="modules", files=3)
    windows = make(
        5, True, 18, 3, 1, [0, 2, 1], layers=1, inner=13, theta=1e6,
        vision=dict(
            depth=2, hidden_size=4, intermediate_size=5, num_heads=1, patch_size=2, window_size=12, spatial_merge_size=3,
            temporal_patch_size=1, fullatt_block_indexes=[]))
    flatten(save(windows, "windows"))
    rewrite(HERE / "windows", names="modules")
    single = make(
        6, False, 20, 2, 1, [2, 2, 1], layers=1, inner=21,
        vision=dict(
            depth=1, hidden_size=12, intermediate_size=10, num_heads=1, patch_size=4, window_size=24,
            fullatt_block_indexes=[0]))
    save(single.to(torch.bfloat16), "single")
    rewrite(HERE / "single", files=2)
    # What a model computes is taken from the saved folder, so that the files are what the numbers belong to.
    results = {}
    for name in ("tied", "untied", "odd", "whole", "windows", "single"):
        model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            HERE / name, dtype=torch.float32, attn_implementation="eager").eval()
        results[name] = cases(model) if name in ("tied", "untied") else odd_cases(model)
    (HERE / "expected.json").write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()
