"""Writes pictures of every kind that the decoder meets, and beside each what Pillow makes of it as RGB.

    python make_images.py     (Pillow and numpy)

Each FILE has FILE.rgb: width and height as 32-bit little-endian numbers, then [height, width, 3] bytes.
"""
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

here = Path(__file__).parent
height, width = 7, 11
random = np.random.default_rng(7)
rows, columns = np.mgrid[0:height, 0:width]
smooth = np.stack([rows * 30 + columns, columns * 20, 255 - rows * 25 - columns], -1).clip(0, 255).astype(np.uint8)
noisy = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
alpha = random.integers(0, 256, (height, width), dtype=np.uint8)


def save(name, image, **options):
    path = here / name
    image.save(path, **options)
    rgb = Image.open(path).convert("RGB")
    data = struct.pack("<II", rgb.width, rgb.height) + rgb.tobytes()
    path.with_name(name + ".rgb").write_bytes(data)


save("rgb.png", Image.fromarray(noisy))
save("gray.png", Image.fromarray(noisy[:, :, 0]))
save("gray-alpha.png", Image.fromarray(np.dstack([noisy[:, :, 0], alpha]), "LA"))
save("rgba.png", Image.fromarray(np.dstack([noisy, alpha]), "RGBA"))
save("bilevel.png", Image.fromarray(noisy[:, :, 0]).convert("1"))
palette = Image.fromarray(smooth).quantize(13)
save("palette.png", palette, bits=4)
save("palette-alpha.png", palette, transparency=bytes(range(0, 260, 20)))
save("gray-transparent.png", Image.fromarray(noisy[:, :, 0]), transparency=int(noisy[0, 0, 0]))

# What Pillow itself does not write: 16 bits a channel, interlaced rows, and a gamma that must not be applied.


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(name, bits, colour, raw, interlace=0, extra=b""):
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    path = here / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
                     + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
    rgb = Image.open(path).convert("RGB")
    path.with_name(name + ".rgb").write_bytes(struct.pack("<II", width, height) + rgb.tobytes())


def scanlines(array):
    return b"".join(b"\0" + row.tobytes() for row in array)


deep = random.integers(0, 65536, (height, width, 3), dtype=np.uint16).astype(">u2")
png("rgb16.png", 16, 2, scanlines(deep))
png("rgb-gamma.png", 8, 2, scanlines(noisy), extra=chunk(b"gAMA", struct.pack(">I", 100000)))
passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
adam7 = b"".join(scanlines(noisy[top::down, left::right]) for top, left, down, right in passes
                 if noisy[top::down, left::right].size)
png("rgb-interlaced.png", 8, 2, adam7, interlace=1)

save("rgb.jpg", Image.fromarray(smooth), quality=90, subsampling=0)
save("subsampled.jpg", Image.fromarray(smooth), quality=80)
save("progressive.jpg", Image.fromarray(smooth), quality=90, progressive=True)
save("gray.jpg", Image.fromarray(smooth[:, :, 0]), quality=90)
save("cmyk.jpg", Image.fromarray(smooth).convert("CMYK"), quality=95)
