"""sophia beside what a Python user would take: transformers' generate, and a step of TRL's GRPOTrainer.

    bench.py                      # both comparisons; cluster/bench-peers finds a Python and builds sophia first
    bench.py --only generate      # or train
    bench.py --peers-only         # the Python side alone

It writes a model folder with seeded random weights (Qwen2.5-VL, single precision) and a processor, then starts a process for
each measurement, ours and theirs in turns so that a busy machine hits both, and takes the best of each. Memory is VmHWM of the
process; `others` is the share of the machine that other processes took meanwhile: a comparison wants it near 0, since two
threads that wait for each other and for a turn on a busy core take many times as long. Both sides:
--threads threads, single precision, --groups prompts of --prompt-tokens tokens, most of them one image, --samples responses of
exactly --tokens tokens each at temperature 1 from the whole vocabulary, nothing ends early.

generate: timed from patches and token ids in memory to the responses' ids. transformers has its KV cache, sdpa attention and
inference mode; `groups` calls it for one group after the other, `batch` once for all.

train: one step: sample, reward, reference, loss with a KL penalty of 0.04, backward, clip, AdamW. TRL has gradient
checkpointing off (it is on by default, for which every layer is computed twice) and torch's fused AdamW; `groups` samples and
accumulates gradients group by group, `batch` takes all in one. `split` has the parts of TRL's seconds, its processor included.

The first round measures `groups` and `batch`, the others the better of the two. Ours are `sophia bench generate|train --model
DIR --json` with the options of OURS: one JSON object with tokens_per_second, peak_bytes, `parameters` (of the model, to be the
same), and seconds, prompt_seconds | seconds_per_step, generate_seconds, update_seconds.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import model_folder

OURS = ("prompt_tokens", "image", "groups", "samples", "tokens", "threads", "repeats")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=int, default=8192, help="151936 is Qwen's own (default: %(default)s)")
    parser.add_argument("--prompt-tokens", type=int, default=300, help="of a prompt, the image's included")
    parser.add_argument("--image", default="448x392", help="pixels, width x height: multiples of 28")
    parser.add_argument("--groups", type=int, default=4, help="prompts")
    parser.add_argument("--samples", type=int, default=8, help="responses a prompt")
    parser.add_argument("--tokens", type=int, default=128, help="of a response")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1, help="timed runs of a process, after one to warm up")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each measurement")
    parser.add_argument("--only", choices=["generate", "train"])
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sophia", default=os.environ.get("SOPHIA_BINARY", ".build/release/sophia"))
    parser.add_argument("--folder", help="keeps the model here; a temporary folder if absent")
    parser.add_argument("--side", choices=["make", "generate", "train"], help=argparse.SUPPRESS)
    parser.add_argument("--mode", choices=["groups", "batch"], default="batch", help=argparse.SUPPRESS)
    return parser.parse_args()


# Measurements, each in a process of its own


def timed(run, *args):
    started = time.perf_counter()
    run(*args)
    return time.perf_counter() - started


def measure_generate(options):
    import torch
    from transformers import GenerationConfig

    model, processor = model_folder.load(options)
    model.eval()
    prompts = model_folder.conversations(options, processor)
    inputs = [
        processor.apply_chat_template(
            call, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt")
        for call in ([prompts] if options.mode == "batch" else [[prompt] for prompt in prompts])]
    # Without an end-of-text token there is nothing to test for or to suppress. top_k would be 50.
    plain = dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0, use_cache=True, num_return_sequences=options.samples,
                 pad_token_id=model.config.text_config.pad_token_id)
    model.generation_config = GenerationConfig(**plain)

    def run(tokens):
        settings = GenerationConfig(max_new_tokens=tokens, **plain)
        with torch.inference_mode():
            made = [model.generate(**each, generation_config=settings) for each in inputs]
        assert sum(len(each) for each in made) == options.groups * options.samples
        assert all(each.shape[1] == options.prompt_tokens + tokens for each in made)

    run(min(8, options.tokens))
    seconds = min(timed(run, options.tokens) for _ in range(options.repeats))
    return dict(
        tokens_per_second=options.groups * options.samples * options.tokens / seconds, seconds=seconds,
        prompt_seconds=min(timed(run, 1) for _ in range(options.repeats)))


def measure_train(options):
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    model, processor = model_folder.load(options)
    steps, rows = 1 + options.repeats, options.groups * options.samples
    calls = 1 if options.mode == "batch" else options.groups
    # One column of images beside the prompts: how TRL wants a data set for a vision-language model.
    prompts = model_folder.conversations(options, processor)
    data = dict(prompt=[], image=[])
    for prompt in prompts * steps:
        data["image"].append(prompt[1]["content"][0]["image"])
        data["prompt"].append(
            [dict(role="system", content="Think first."), dict(role="user", content=prompt[1]["content"][1]["text"])])
    with tempfile.TemporaryDirectory() as output:
        trainer = GRPOTrainer(
            model=model, processing_class=processor, train_dataset=Dataset.from_dict(data),
            # Any rewards that differ within a group.
            reward_funcs=lambda completion_ids, **_: [float(sum(ids) % 97) for ids in completion_ids],
            args=GRPOConfig(
                output_dir=output, use_cpu=True, bf16=False, gradient_checkpointing=False, beta=0.04,
                num_generations=options.samples, max_completion_length=options.tokens,
                generation_kwargs=dict(min_new_tokens=options.tokens), temperature=1.0,
                per_device_train_batch_size=rows // calls, gradient_accumulation_steps=calls, steps_per_generation=1,
                max_steps=steps, learning_rate=5e-7, weight_decay=0.01, max_grad_norm=1.0, optim="adamw_torch_fused",
                report_to="none", save_strategy="no", logging_steps=steps, disable_tqdm=True))
        spent, taken = dict(generate=0.0, reward=0.0, reference=0.0, processor=0.0), []

        def count(name, method, when=lambda *_: True):
            """Adds the time that a method of the trainer takes."""
            original = getattr(trainer, method)

            def counted(*args, **kwargs):
                started = time.perf_counter()
                result = original(*args, **kwargs)
                if when(*args):
                    spent[name] += time.perf_counter() - started
                return result

            setattr(trainer, method, counted)

        count("generate", "_generate_single_turn")
        count("reward", "_calculate_rewards")
        count("reference", "_get_per_token_logps_and_entropies", when=lambda model, *_: model is trainer.ref_model)
        count("processor", "_tokenize_prompts")

        class Clock(TrainerCallback):
            def on_step_begin(self, *_, **__):
                spent.update(dict.fromkeys(spent, 0.0))
                self.started = time.perf_counter()

            def on_step_end(self, *_, **__):
                taken.append((time.perf_counter() - self.started, dict(spent)))

        trainer.add_callback(Clock())
        trainer.train()
        logged = trainer.state.log_history[0]
    assert len(taken) == steps and logged["completions/mean_length"] == options.tokens
    seconds, split = min(taken[1:], key=lambda step: step[0])
    split["update"] = seconds - sum(split.values())
    return dict(
        seconds_per_step=seconds, tokens_per_second=rows * options.tokens / seconds, generate_seconds=split["generate"],
        reward_seconds=split["reward"], update_seconds=split["reference"] + split["update"], split=split)


def peak_bytes():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


# The comparison


def busy_seconds():
    """Processor seconds of the whole machine, idle ones left out."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def process(command):
    """The JSON object that a command prints last, and what share of the machine others took meanwhile."""
    environment = os.environ | dict(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    started, busy, own = time.perf_counter(), busy_seconds(), sum(os.times()[:4])
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}\nbench.py: this failed with exit code {done.returncode}: {' '.join(map(str, command))}")
    others = busy_seconds() - busy - (sum(os.times()[:4]) - own)
    share = others / (time.perf_counter() - started) / os.cpu_count()
    return json.loads(done.stdout.strip().splitlines()[-1]) | dict(others=min(max(0, share), 1))


def measure(options, side, name):
    common = [word for option in OURS for word in ("--" + option.replace("_", "-"), getattr(options, option))]
    if name == "ours":
        return process([options.sophia, "bench", side, "--model", options.folder, *common, "--json"])
    return process([
        sys.executable, __file__, "--side", side, "--mode", name, "--folder", options.folder,
        "--vocabulary", options.vocabulary, *common])


def seconds_of(run):
    return run.get("seconds", run.get("seconds_per_step"))


def compare(options, side, parameters):
    runs = {}
    for number in range(options.rounds):
        peers = ["groups", "batch"] if number == 0 else [min(("groups", "batch"), key=lambda name: seconds_of(runs[name][0]))]
        for name in peers if options.peers_only else ["ours", *peers]:
            result = measure(options, side, name)
            said = f"{seconds_of(result):.2f} s, others {result['others']:.0%}"
            print(f"{side}, round {number + 1}, {name}: {said}", file=sys.stderr)
            if result.get("parameters", parameters) != parameters:
                sys.exit(f"bench.py: {name} has {result['parameters']} parameters, the model that was written {parameters}")
            runs.setdefault(name, []).append(result)
    return {
        name: min(found, key=seconds_of) | dict(all_seconds=[seconds_of(run) for run in found])
        for name, found in runs.items()}


def table(results):
    lines = [("", "tokens/s", "seconds", "of them", "peak MB", "others", "ours is")]
    for side, runs in results.items():
        for name, run in runs.items():
            parts = (
                f"prompts {run['prompt_seconds']:.2f}" if side == "generate"
                else f"sampling {run['generate_seconds']:.2f}, update {run['update_seconds']:.2f}")
            theirs = dict(generate="transformers", train="TRL")[side] + ", " + name
            faster = f"{seconds_of(run) / seconds_of(runs['ours']):.2f} x" if name != "ours" and "ours" in runs else ""
            lines.append((
                f"{side}: {'ours' if name == 'ours' else theirs}", f"{run['tokens_per_second']:.0f}",
                f"{seconds_of(run):.2f}", parts, f"{run['peak_bytes'] / 1e6:.0f}", f"{run['others']:.0%}", faster))
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(
            word.ljust(width) if column in (0, 3) else word.rjust(width)
            for column, (word, width) in enumerate(zip(line, widths))).rstrip())


def main():
    options = arguments()
    if options.side:
        side = dict(make=model_folder.make, generate=measure_generate, train=measure_train)[options.side]
        return print(json.dumps(side(options) | dict(peak_bytes=peak_bytes())))
    with tempfile.TemporaryDirectory() as temporary:
        options.folder = options.folder or temporary
        parameters = measure(options, "make", "batch")["parameters"]
        sides = [options.only] if options.only else ["generate", "train"]
        results = {side: compare(options, side, parameters) for side in sides}
    if options.json:
        return print(json.dumps(dict(parameters=parameters) | results))
    runs = f"best of {options.rounds} x {options.repeats}"
    print(f"{parameters / 1e6:.1f} million parameters, {options.threads} threads, {runs}\n")
    table(results)


if __name__ == "__main__":
    main()
