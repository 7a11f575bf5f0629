"""Makes the adapter folder that the tests merge, and checks the adapters that this project writes, both with PEFT.

    python make_adapter_fixtures.py              # writes adapter/ and adapter_expected.json; needs torch, transformers, peft
    python make_adapter_fixtures.py check DIR    # DIR/adapter on its base model against the merged model in DIR

The adapter is of `tied` and is scaled by alpha / sqrt(rank). Its targets are a list of names, which PEFT looks for in the
vision tower too.
"""
import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import Qwen2_5_VLForConditionalGeneration

from make_fixtures import HERE, IMAGE, cases, patches


def load(folder):
    return Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()


def make():
    torch.manual_seed(4)
    config = LoraConfig(
        r=3, lora_alpha=5, use_rslora=True, target_modules=["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
        task_type="CAUSAL_LM")
    model = get_peft_model(load(HERE / "tied"), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    model.peft_config["default"].base_model_name_or_path = "../tied"
    model.save_pretrained(HERE / "adapter")
    (HERE / "adapter" / "README.md").unlink(missing_ok=True)
    for file in (HERE / "adapter").iterdir():
        file.chmod(0o644)
    merged = PeftModel.from_pretrained(load(HERE / "tied"), HERE / "adapter").merge_and_unload().eval()
    (HERE / "adapter_expected.json").write_text(json.dumps({"adapter": cases(merged)}) + "\n")


def check(folder):
    """The largest difference of the logits of a prompt with an image."""
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    base = load(config["base_model_name_or_path"])
    plain = load(config["base_model_name_or_path"])
    adapted = PeftModel.from_pretrained(base, folder / "adapter").eval()
    touched = sorted(name for name, _ in adapted.named_modules() if name.endswith("lora_A.default"))
    print(len(touched), "adapters, first", touched[0])
    image = base.config.image_token_id
    ids = torch.tensor([[1, 2, base.config.vision_start_token_id] + [image] * 4 + [base.config.vision_end_token_id, 5, 6, 7]])
    vision = base.config.vision_config
    pixels = patches([(4, 4)], vision.in_channels * vision.temporal_patch_size * vision.patch_size**2)
    extra = dict(
        pixel_values=pixels, image_grid_thw=torch.tensor([[1, 4, 4]]), mm_token_type_ids=(ids == image).int(), use_cache=False)
    with torch.no_grad():
        found = [model(input_ids=ids, **extra).logits for model in (adapted, load(folder), plain)]
    print("adapted - merged", float((found[0] - found[1]).abs().max()), "adapted - base", float((found[0] - found[2]).abs().max()))


if __name__ == "__main__":
    check(Path(sys.argv[2])) if sys.argv[1:2] == ["check"] else make()
