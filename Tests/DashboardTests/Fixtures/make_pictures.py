#!/usr/bin/env python3
"""Draws the pictures of the report's tests: bar charts of 112 x 28, as PNG. Needs nothing but Python."""
import pathlib, random, struct, zlib

COLORS = {"red": (205, 60, 50), "green": (60, 150, 80), "blue": (60, 100, 200), "gray": (130, 130, 130)}


def png(rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    raw = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def picture(values, seed):
    noise = random.Random(seed)
    rows = [[(238, 236, 230)] * 112 for _ in range(28)]
    for slot, (color, value) in enumerate(values):
        for y in range(27 - 2 * value - 1, 27):
            for x in range(28 * slot + 6, 28 * slot + 22):
                rows[y][x] = COLORS[color]
    shake = lambda value: max(0, min(255, value + round(noise.gauss(0, 12))))
    return [[tuple(shake(value) for value in pixel) for pixel in row] for row in rows]


folder = pathlib.Path(__file__).parent
for name, values in {
    "sum": [("blue", 3), ("red", 5), ("gray", 7), ("green", 1)],
    "difference": [("green", 9), ("gray", 2), ("red", 2), ("blue", 6)],
    "choice": [("red", 4), ("blue", 4), ("green", 8), ("gray", 0)],
}.items():
    (folder / f"{name}.png").write_bytes(png(picture(values, name)))
