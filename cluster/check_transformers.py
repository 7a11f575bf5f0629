"""What sophia computes on model folders, against transformers on the same folders. cluster/check-transformers runs it.

Small random folders are written by transformers as it writes any model: weights, settings, tokenizer, processor. Then token ids
and greedy continuations must be the same, log-probabilities agree to 1e-4, and what sophia trains must open with transformers:
every tensor bit for bit, and the same log-probabilities. A folder that is given is compared in the same way, and trained if it is
small.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from PIL import Image
from safetensors.torch import load_file
from transformers import Qwen2_5_VLForConditionalGeneration

from random_folders import ImageProcessor, folders, pictured

ENCODINGS = Path(__file__).parent.parent / "Tests/TokenizationTests/Fixtures/encodings.json"
# Every script, broken and composed characters, code, runs of white space.
TEXTS = [row["text"] for row in json.loads(ENCODINGS.read_text())]
TOLERANCE = 1e-4
LARGEST_TRAINED = 300e6

results = []


def check(folder, what, found, holds):
    results.append((folder, what, found, holds))


def sophia(*arguments, lines=None):
    text = None if lines is None else "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([SOPHIA, *map(str, arguments)], input=text, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"sophia {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]


class Reference:
    """The model, tokenizer and processor of a folder as transformers reads them, in single precision."""

    def __init__(self, folder):
        self.model, report = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        self.strange = [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]
        self.processor = transformers.AutoProcessor.from_pretrained(folder)
        self.processor.image_processor = ImageProcessor.from_pretrained(folder)

    def inputs(self, row, place):
        pictures = [Image.open(place / name) for name in row.get("paths", [])]
        content = [dict(type="image")] * len(pictures) + [dict(type="text", text=row["problem"])]
        text = self.processor.apply_chat_template(
            [dict(role="user", content=content)], tokenize=False, add_generation_prompt=True)
        return self.processor(text=[text], images=pictures or None, return_tensors="pt")

    def ids(self, text):
        return self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]

    @torch.no_grad()
    def log_probabilities(self, inputs, response):
        more = torch.tensor([response])
        inputs = dict(inputs) | dict(
            input_ids=torch.cat([inputs["input_ids"], more], 1),
            attention_mask=torch.cat([inputs["attention_mask"], torch.ones_like(more)], 1))
        if "mm_token_type_ids" in inputs:
            inputs["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(more)], 1)
        self.model.model.rope_deltas = None
        rows = self.model(**inputs, use_cache=False).logits[0, -1 - len(response) : -1].log_softmax(-1)
        return rows[torch.arange(len(response)), more[0]].tolist()

    @torch.no_grad()
    def greedy(self, inputs, tokens):
        self.model.model.rope_deltas = None
        found = self.model.generate(**inputs, do_sample=False, max_new_tokens=tokens)
        return found[0, inputs["input_ids"].shape[1] :].tolist()


def compare(name, folder, rows, place, tokens=24):
    reference = Reference(folder)
    check(name, "tensors missing or left over", len(reference.strange), not reference.strange)
    lines = place / "rows.jsonl"
    found = sophia("tokenize", "--model", folder, lines=TEXTS)
    wrong = [text for text, ids in zip(TEXTS, found, strict=True) if ids != reference.ids(text)]
    check(name, "texts with other token ids", len(wrong), not wrong)

    prompts, largest = 0, 0
    for row, line in zip(rows, sophia("logprobs", "--model", folder, "--input", lines), strict=True):
        inputs = reference.inputs(row, place)
        same = line["prompt_ids"] == inputs["input_ids"][0].tolist() and line["response_ids"] == reference.ids(row["response"])
        prompts += not same
        if same:
            wanted = reference.log_probabilities(inputs, line["response_ids"])
            largest = max(largest, *(abs(a - b) for a, b in zip(wanted, line["logprobs"], strict=True)))
    check(name, "prompts with other token ids", prompts, prompts == 0)
    check(name, "largest difference of a log-probability", f"{largest:.1e}", largest < TOLERANCE)
    greedy = sophia(
        "generate", "--model", folder, "--temperature", 0, "--max-tokens", tokens, "--input", lines)
    wrong = [row for row, line in zip(rows, greedy, strict=True)
             if line["response_ids"] != reference.greedy(reference.inputs(row, place), tokens)]
    check(name, "other greedy continuations", len(wrong), not wrong)
    return reference


def stops_early(name, folder, rows, place, reference):
    """A token that the model soon writes becomes one that ends responses, by generation_config.json alone."""
    end = reference.greedy(reference.inputs(rows[0], place), 8)[4]
    path = folder / "generation_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | dict(eos_token_id=settings["eos_token_id"] + [end])))
    wanted = Reference(folder).greedy(reference.inputs(rows[0], place), 24)
    found = sophia("generate", "--model", folder, "--temperature", 0, "--max-tokens", 24, lines=rows[:1])[0]["response_ids"]
    check(name, "tokens until generation_config.json ends it", f"{len(found)} of {len(wanted)}", found == wanted and len(found) <= 5)
    path.write_text(json.dumps(settings))


def trained(name, before, after, rows, place, dtype):
    """A folder that sophia wrote, opened by transformers in the dtype that it declares."""
    reference = compare(name, after, rows, place) if dtype == torch.float32 else None
    model, report = Qwen2_5_VLForConditionalGeneration.from_pretrained(after, dtype="auto", output_loading_info=True)
    strange = [key for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in report[kind]]
    stored, opened, differ = load_file(after / "model.safetensors"), model.state_dict(), 0
    for key, tensor in stored.items():
        module = key if key.startswith("lm_head") else (
            "model." + key if key.startswith("visual.") else key.replace("model.", "model.language_model.", 1))
        differ += opened[module].dtype != tensor.dtype or not torch.equal(opened[module], tensor)
    check(name, "tensors that transformers opens otherwise", f"{differ} of {len(stored)}", differ == 0 and not strange)
    kinds = {str(tensor.dtype).removeprefix("torch.") for tensor in stored.values()}
    check(name, "type of the tensors, in config.json", f"{'+'.join(kinds)}, {str(model.dtype).removeprefix('torch.')}",
          kinds == {str(dtype).removeprefix("torch.")} and model.dtype == dtype)
    old = Qwen2_5_VLForConditionalGeneration.from_pretrained(before, dtype=dtype).state_dict()
    moved = sum(not torch.equal(old[key], tensor) for key, tensor in opened.items())
    check(name, "tensors that the step moved", f"{moved} of {len(opened)}", moved > 0)
    return reference


# A random policy answers nothing right: what it wrote decides, so that responses of a group differ in advantage.
REWARD = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(dict(id=asked["id"], reward=sum(asked["response"].encode()) % 11 / 10)), flush=True)
"""


def train(name, folder, rows, place):
    data = place / "rows.jsonl"
    out = place / f"{name}-sft"
    sophia("sft", "--data", data, "--model", folder, "--out", out, "--steps", 1, "--rows", len(rows), "--learning-rate", 0.02)
    trained(f"{name}, after sft", folder, out, rows, place, torch.float32)
    run = place / f"{name}-run"
    settings, program = place / f"{name}.yaml", place / "reward.py"
    program.write_text(REWARD)
    settings.write_text(json.dumps(dict(
        model=dict(folder=str(folder), dtype="bf16"), data=dict(trainFiles=[str(data)]), run=dict(folder=str(run), steps=1),
        rollout=dict(groupSize=4, promptsPerStep=2, maximumResponseTokens=8), optimizer=dict(learningRate=0.01),
        rewards=dict(program=[sys.executable, str(program)]), cluster=dict(workers=1))))
    sophia("train", settings)
    trained(f"{name}, after train", folder, run / "policy", rows, place, torch.bfloat16)


def main():
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        rows = pictured(place)
        absolute = [row | dict(paths=[str(place / n) for n in row["paths"]]) if "paths" in row else row for row in rows]
        for folder in folders(place):
            reference = compare(folder.name, folder, rows, place)
            stops_early(folder.name, folder, absolute, place, reference)
            train(folder.name, folder, rows, place)
        for folder in map(Path, sys.argv[2:]):
            reference = compare(folder.name, folder, rows, place)
            if reference.model.num_parameters() <= LARGEST_TRAINED:
                train(folder.name, folder, rows, place)
    width = [max(len(str(row[i])) for row in results) for i in range(3)]
    for folder, what, found, holds in results:
        print(f"{folder:{width[0]}}  {what:{width[1]}}  {found!s:>{width[2]}}  {'ok' if holds else 'DIFFERS'}")
    wrong = sum(not row[3] for row in results)
    print(f"{len(results)} comparisons with transformers {transformers.__version__}, {wrong} differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    SOPHIA = str(Path(sys.argv[1]).resolve())
    main()
