"""Writes pictures of every kind that the decoder meets, and beside each what Pillow makes of it as RGB.

    python make_images.py     (Pillow and numpy)

Each FILE has FILE.rgb: width and height as 32-bit little-endian numbers, then [height, width, 3] bytes.
"""
import ctypes
import struct
import zlib
from ctypes.util import find_library
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

here = Path(__file__).parent
height, width = 7, 11
random = np.random.default_rng(7)
rows, columns = np.mgrid[0:height, 0:width]
smooth = np.stack([rows * 30 + columns, columns * 20, 255 - rows * 25 - columns], -1).clip(0, 255).astype(np.uint8)
noisy = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
alpha = random.integers(0, 256, (height, width), dtype=np.uint8)


def save(name, image, **options):
    image.save(here / name, **options)
    seen(name)


def seen(name):
    """As `load_image` of transformers reads it: upright, and RGB."""
    path = here / name
    rgb = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    path.with_name(name + ".rgb").write_bytes(struct.pack("<II", rgb.width, rgb.height) + rgb.tobytes())


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
    (here / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
                              + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
    seen(name)


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

# Few bits a sample, transparency by colour, and 16 bits with alpha or without colour.


def packed(samples, bits):
    """Rows of samples, several to a byte."""
    rows = []
    for row in samples:
        digits = "".join(f"{value:0{bits}b}" for value in row)
        rows.append(b"\0" + int(digits.ljust(-(-len(digits) // 8) * 8, "0"), 2).to_bytes(-(-len(digits) // 8), "big"))
    return b"".join(rows)


colours = random.integers(0, 256, (16, 3), dtype=np.uint8).tobytes()
for bits in (2, 4):
    png(f"gray{bits}.png", bits, 0, packed(noisy[:, :, 0] >> (8 - bits), bits))
for bits in (1, 2):
    png(f"palette{bits}.png", bits, 3, packed(noisy[:, :, 1] >> (8 - bits), bits), extra=chunk(b"PLTE", colours[: 3 << bits]))
first = b"".join(struct.pack(">H", value) for value in noisy[0, 0])
png("rgb-transparent.png", 8, 2, scanlines(noisy), extra=chunk(b"tRNS", first))
deep_alpha = random.integers(0, 65536, (height, width, 4), dtype=np.uint16).astype(">u2")
png("rgba16.png", 16, 6, scanlines(deep_alpha))
png("gray-alpha16.png", 16, 4, scanlines(np.ascontiguousarray(deep_alpha[:, :, :2])))

# Pillow makes white of whatever is over 255 here, so the tests know what is right by themselves: sample i is 850 i.
png("gray16.png", 16, 0, scanlines((np.arange(height * width) * 850).reshape(height, width).astype(">u2")))
(here / "gray16.png.rgb").unlink()

# Subsampling across alone, restarts, and print colours as TurboJPEG writes them: YCCK.
save("subsampled-across.jpg", Image.fromarray(smooth), quality=85, subsampling=1)
save("restarts.jpg", Image.fromarray(smooth), quality=85, restart_marker_blocks=1)
turbo = ctypes.CDLL(find_library("turbojpeg") or "libturbojpeg.so.0")
turbo.tjInitCompress.restype = ctypes.c_void_p
output, size = ctypes.c_void_p(), ctypes.c_ulong()
inks = np.dstack([smooth, 255 - smooth[:, :, 0] // 2]).tobytes()
status = turbo.tjCompress2(
    ctypes.c_void_p(turbo.tjInitCompress()), inks, width, 0, height, 11, ctypes.byref(output), ctypes.byref(size), 0, 90, 0)
assert status == 0
(here / "ycck.jpg").write_bytes(ctypes.string_at(output, size.value))
assert Image.open(here / "ycck.jpg").mode == "CMYK"
seen("ycck.jpg")

# Every way that a camera can be held.
for orientation in range(1, 9):
    exif = Image.Exif()
    exif.endian = "<>"[orientation % 2]
    exif[0x010F] = "maker"
    exif[0x0112] = orientation
    save(f"exif-{orientation}.jpg", Image.fromarray(smooth), quality=90, subsampling=0, exif=exif)
    save(f"exif-{orientation}.png", Image.fromarray(noisy), exif=exif)
