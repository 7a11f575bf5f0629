"""Turns what `tmux capture-pane -e -p` keeps of a terminal into a page that looks like it; cluster/screenshot draws that.

    python3 terminal_page.py CAPTURE PAGE        prints the page's width and height in pixels
"""
import html
import re
import sys
import unicodedata
from pathlib import Path

COLUMN, ROW, MARGIN = 8.43, 18, 14  # DejaVu Sans Mono at 14 pixels
INKS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea"}


def columns(text):
    return sum(0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def row(line, ink):
    """One row as HTML, and the ink that goes on in the next one, as a terminal keeps it."""
    parts = []
    for code, text in re.findall(r"\x1b\[([0-9;]*)m|([^\x1b]+)", line):
        if not text:
            for number in map(int, (code or "0").split(";")):
                ink = change(ink, number)
            continue
        style = "".join(f"{name}:{value};" for name, value in ink.items())
        parts.append(f'<span style="{style}">{html.escape(text)}</span>' if style else html.escape(text))
    return "".join(parts), ink


def change(ink, number):
    without = lambda *names: {name: value for name, value in ink.items() if name not in names}
    match number:
        case 0: return {}
        case 1: return ink | {"font-weight": "bold"}
        case 2: return ink | {"opacity": "0.55"}
        case 7: return ink | {"background": "#c9d1d9", "color": "#0d1117"}
        case 22: return without("font-weight", "opacity")
        case 27: return without("background", "color")
        case 39: return without("color")
        case _ if number in INKS: return ink | {"color": INKS[number]}
    return ink


def main(capture, page):
    lines = Path(capture).read_text().rstrip("\n").split("\n")
    rows, ink = [], {}
    for line in lines:
        text, ink = row(line, ink)
        rows.append(text)
    widest = max(columns(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    Path(page).write_text(
        f"""<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: {MARGIN}px; background: #0d1117; color: #c9d1d9; }}
pre {{ margin: 0; font: 14px/{ROW}px "DejaVu Sans Mono", monospace; }}
</style><pre>{chr(10).join(rows)}</pre>""")
    print(round(widest * COLUMN) + 2 * MARGIN + 2, len(lines) * ROW + 2 * MARGIN)


main(*sys.argv[1:])
