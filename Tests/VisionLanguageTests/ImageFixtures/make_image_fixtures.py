"""Makes the fixtures of ImageProcessorTests with `transformers`.

    python make_image_fixtures.py

The pictures themselves follow from a formula that the tests repeat, so only what becomes of them is stored: grids, and
values of the patches at places spread over the whole picture.
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import Qwen2VLImageProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

HERE = Path(__file__).parent

# width, height, min pixels, max pixels
CASES = [
    (112, 28, 3136, 1003520), (28, 28, 784, 1003520), (56, 56, 3136, 1003520), (56, 84, 3136, 1003520),
    (1, 1, 3136, 1003520), (1, 200, 3136, 1003520), (200, 1, 3136, 1003520), (13, 7, 3136, 1003520), (14, 42, 784, 1003520),
    (30, 27, 784, 1003520), (100, 40, 3136, 1003520), (113, 29, 3136, 1003520), (111, 27, 3136, 1003520),
    (97, 131, 3136, 10000), (300, 200, 3136, 20000), (640, 31, 3136, 12544), (31, 640, 3136, 12544),
    (401, 299, 3136, 50176), (70, 70, 784, 1003520), (42, 98, 784, 1003520), (28, 300, 784, 3136),
]  # fmt: skip


def picture(width, height, seed):
    """Multiplicative noise over slow waves: every frequency, all 256 values."""
    state = np.arange(width * height * 3, dtype=np.uint64) + np.uint64(seed * 1_000_003)
    state = (state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)) >> np.uint64(33)
    noise = (state * np.uint64(2654435761)) >> np.uint64(8) & np.uint64(255)
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    wave = (x * 3 + y * 5 + c * 40) % 256
    pick = (x // 9 + y // 7) % 3
    noise = noise.reshape(height, width, 3).astype(np.int64)
    return np.where(pick == 0, noise, np.where(pick == 1, wave, ((x // 9 + y // 7) % 2) * 255)).astype(np.uint8)


def processed(kind, image, low, high):
    got = kind(min_pixels=low, max_pixels=high)(images=[image], return_tensors="pt")
    return got["pixel_values"].to(torch.float32).numpy(), got["image_grid_thw"][0].tolist()


def places(count):
    return [i * 7919 % count for i in range(min(count, 240))]


def main():
    rows = []
    for seed, (width, height, low, high) in enumerate(CASES):
        image = Image.fromarray(picture(width, height, seed))
        values, grid = processed(Qwen2VLImageProcessor, image, low, high)
        # Across, then down, as torchvision and Pillow did; from version 13, Pillow takes some pictures the other way round.
        h, w = smart_resize(height, width, 28, low, high)
        image = image.resize((w, height), Image.Resampling.BICUBIC).resize((w, h), Image.Resampling.BICUBIC)
        pillow, same = processed(Qwen2VLImageProcessorPil, image, 1, 1 << 30)
        assert grid == same and grid[0] == 1
        flat, other = values.reshape(-1), pillow.reshape(-1)
        at = places(flat.size)
        rows.append({
            "width": width, "height": height, "minPixels": low, "maxPixels": high, "seed": seed,
            "gridHeight": grid[1], "gridWidth": grid[2], "columns": values.shape[1],
            "torchvision": [float(flat[i]) for i in at], "pillow": [float(other[i]) for i in at],
            "sum": float(flat.astype(np.float64).sum()), "pillowSum": float(other.astype(np.float64).sum()),
        })  # fmt: skip
    dump("patches.json", rows)

    sizes = []
    for low, high in ((3136, 1003520), (784, 784), (3136, 12845056), (200704, 1003520), (1, 5000)):
        for width, height in [
            (1, 1), (14, 14), (42, 42), (70, 14), (1, 200), (200, 1), (28, 28), (27, 29), (112, 28), (640, 480), (1920, 1080),
            (9999, 50), (50, 9999), (4000, 6000), (33, 1000), (126, 98), (154, 70), (1024, 768), (3840, 2160), (7, 1400),
        ]:  # fmt: skip
            h, w = smart_resize(height, width, 28, low, high)
            sizes.append({"width": width, "height": height, "minPixels": low, "maxPixels": high, "to": [w, h]})
    dump("sizes.json", sizes)


def dump(name, value):
    (HERE / name).write_text("[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]\n")


if __name__ == "__main__":
    main()
