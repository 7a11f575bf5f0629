"""Small random Qwen2.5-VL folders as transformers writes any model, and rows with pictures, for check_transformers.py."""
import json
import math
from pathlib import Path

import torch
import transformers
from PIL import Image
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

# Pillow's resizing, which sophia's is to the bit; torchvision's differs in a few pixels by one step of 255.
ImageProcessor = getattr(transformers, "Qwen2VLImageProcessorPil", None) or transformers.Qwen2VLImageProcessor
TOKENIZER = Path(__file__).parent.parent / "Tests/TokenizationTests/Fixtures/tokenizer.json"
TEMPLATE = (
    "{% for m in messages %}"
    "{% if loop.first and m['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Words, sizes of pictures, response. The last picture has to be resized.
ROWS = [
    ("red + blue ?", [], "<think>red 5 . blue 3 .</think><answer>8</answer>"),
    ("How high is the red bar?", [(112, 84)], "5"),
    ("Wie hoch ist der rote Balken?", [(56, 140), (84, 84)], "Fünf, 五."),
    ("", [(260, 150)], "the blue bar is higher"),
]


def make(folder, seed, dtype, tied, shards, text, vision, flat):
    """A random model as transformers saves it, with weights far from where training begins."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER), pad_token="<|endoftext|>")
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in
           ("image_pad", "video_pad", "vision_start", "vision_end", "im_end", "endoftext")}
    torch.manual_seed(seed)
    config = Qwen2_5_VLConfig(
        text_config=dict(
            vocab_size=(len(tokenizer) + 63) // 64 * 64, rms_norm_eps=1e-6, max_position_embeddings=2048,
            bos_token_id=None, eos_token_id=ids["im_end"], pad_token_id=None, tie_word_embeddings=tied, **text),
        vision_config=dict(out_hidden_size=text["hidden_size"], **vision), tie_word_embeddings=tied,
        image_token_id=ids["image_pad"], video_token_id=ids["video_pad"], vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"])
    model = Qwen2_5_VLForConditionalGeneration._from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.copy_(1.5 * torch.randn_like(parameter) / math.sqrt(parameter[0].numel()))
            else:
                parameter.add_(0.2 * torch.randn_like(parameter))
        model.tie_weights()
    model.generation_config.eos_token_id = [ids["im_end"], ids["endoftext"]]
    model.to(dtype).save_pretrained(folder, max_shard_size="200KB" if shards else "5GB")
    processor = Qwen2_5_VLProcessor(
        image_processor=ImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 24), tokenizer=tokenizer,
        video_processor=transformers.Qwen2VLVideoProcessor(), chat_template=TEMPLATE)
    processor.save_pretrained(folder)
    if flat:  # settings as the published models have them
        config = json.loads((folder / "config.json").read_text())
        text = config.pop("text_config")
        rope = text.pop("rope_parameters")
        text |= dict(rope_theta=rope["rope_theta"], rope_scaling=dict(type="mrope", mrope_section=rope["mrope_section"]))
        config = text | config | dict(torch_dtype=config.pop("dtype"))
        (folder / "config.json").write_text(json.dumps(config, indent=1))


def folders(place):
    common = dict(patch_size=14, spatial_merge_size=2, temporal_patch_size=2, in_channels=3)
    rope = dict(rope_type="default", rope_theta=1e6)
    make(place / "tied-fp32", 1, torch.float32, True, False, dict(
        hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
        rope_parameters=rope | dict(mrope_section=[1, 1, 2])), common | dict(
        depth=2, hidden_size=32, intermediate_size=48, num_heads=2, window_size=56, fullatt_block_indexes=[1]), False)
    make(place / "untied-bf16-shards", 2, torch.bfloat16, False, True, dict(
        hidden_size=60, intermediate_size=77, num_hidden_layers=3, num_attention_heads=5, num_key_value_heads=1,
        rope_parameters=rope | dict(mrope_section=[2, 2, 2])), common | dict(
        depth=3, hidden_size=24, intermediate_size=37, num_heads=3, window_size=112, fullatt_block_indexes=[0, 2]), True)
    make(place / "untied-fp16", 3, torch.float16, False, False, dict(
        hidden_size=40, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
        rope_parameters=rope | dict(mrope_section=[1, 2, 2])), common | dict(
        depth=2, hidden_size=16, intermediate_size=24, num_heads=1, window_size=28, fullatt_block_indexes=[]), True)
    return [place / name for name in ("tied-fp32", "untied-bf16-shards", "untied-fp16")]


def pictured(place):
    """ROWS as sophia takes them, pictures beside them."""
    rows = []
    for number, (problem, sizes, response) in enumerate(ROWS):
        names = []
        for k, (width, height) in enumerate(sizes):
            x = torch.arange(width).reshape(1, -1, 1) * (3 + k) + torch.arange(height).reshape(-1, 1, 1) * 5
            pixels = (x + 40 * torch.arange(3) + x * x // (17 + number)) % 256
            names.append(f"{number}-{k}.png")
            Image.fromarray(pixels.to(torch.uint8).numpy()).save(place / names[-1])
        rows.append(dict(problem=problem, response=response, solution="8", problem_type="numerical") | (
            dict(paths=names) if names else {}))
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows
