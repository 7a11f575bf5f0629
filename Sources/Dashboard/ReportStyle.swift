/// How the page looks and how its charts answer a pointer.
package enum ReportStyle {
  static let lightColours: HTML = """
    --paper: #fbfaf8; --card: #ffffff; --ink: #1c1d21; --soft: #62646c; --rule: #e4e2dc; --grid: #ecebe6;
    --line: #2f5fd0; --raw: #b9c9f2; --good: #1a7f53; --good-soft: #e3f3ea; --bad: #b5382f; --bad-soft: #fbe9e7;
    --c0: #2f5fd0; --c1: #e08a1e; --c2: #1a9a6c; --c3: #b0489b; --c4: #6f7787; --c5: #c9473d; --c6: #3aa5c4; --c7: #8b6f3d;
    """

  /// Of what is drawn.
  static let chartCSS: HTML = """
    .chart { display: block; width: 100%; height: auto; overflow: visible; touch-action: pan-y; }
    .chart text { font-size: 11.5px; fill: var(--soft); font-family: inherit; }
    .chart .axis { font-size: 10.5px; }
    .chart .value, .chart .reading { fill: var(--ink); font-weight: 600; }
    .chart .grid { stroke: var(--grid); stroke-width: 1; }
    .chart .tick { stroke: var(--soft); stroke-width: 1; }
    .chart .line { fill: none; stroke: var(--line); stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
    .chart .raw { fill: none; stroke: var(--raw); stroke-width: 1.1; stroke-linejoin: round; }
    .chart .mark { fill: var(--card); stroke: var(--line); stroke-width: 2.2; }
    .chart .cursor { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; visibility: hidden; }

    """

  package static let css: HTML = """

    :root {
      \(lightColours)
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #131519; --card: #1b1e24; --ink: #e9e7e2; --soft: #9a9ca5; --rule: #2c3038; --grid: #272b33;
        --line: #82a6ff; --raw: #3a4b78; --good: #5ccf9c; --good-soft: #16322a; --bad: #ff8d82; --bad-soft: #3a201f;
        --c0: #82a6ff; --c1: #f0ae5a; --c2: #4fcb9b; --c3: #db8acb; --c4: #99a1b2; --c5: #f0857c; --c6: #6fcbe6; --c7: #c6a873;
      }
    }
    * { box-sizing: border-box; }
    html { -webkit-text-size-adjust: 100%; }
    body {
      margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 ui-sans-serif, system-ui, -apple-system,
      "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif; font-variant-numeric: tabular-nums;
    }
    main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
    h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.02em; margin: 0.1rem 0 0.4rem; }
    h2 { font-size: 1.3rem; letter-spacing: -0.01em; margin: 3rem 0 0.9rem; }
    h3 { font-size: 1rem; margin: 0; }
    h4 { font-size: 0.85rem; margin: 0 0 0.5rem; color: var(--soft); font-weight: 600; }
    p { margin: 0 0 0.6rem; }
    code { font: 0.85em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
    .over { color: var(--line); font-weight: 600; font-size: 0.85rem; margin: 0; }
    .facts, .note, .unit, figcaption p, .tile span, caption, .none { color: var(--soft); }
    .note, figcaption p { font-size: 0.875rem; }
    .unit { font-weight: 400; font-size: 0.85rem; }
    figure, article, .card, .headline {
      background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 1.1rem 1.25rem; margin: 0; min-width: 0;
    }
    .headline { margin-top: 1.6rem; display: grid; grid-template-columns: 1.15fr 1fr; gap: 1.5rem; align-items: center; padding: 1.6rem 1.75rem; }
    .headline p { margin: 0; }
    .big { font-size: clamp(2.1rem, 5.6vw, 3.3rem); font-weight: 650; letter-spacing: -0.035em; line-height: 1.1; padding-bottom: 0.5rem; white-space: nowrap; }
    .from { color: var(--soft); } .to { color: var(--good); } .arrow { color: var(--soft); font-weight: 300; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: 1rem 1.25rem; }
    .headline .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
    section > .tiles { margin: 1.1rem 0; }
    .tile b { display: block; font-size: 1.45rem; letter-spacing: -0.02em; line-height: 1.2; font-weight: 620; }
    .tile span { font-size: 0.82rem; line-height: 1.3; display: block; }
    .grid { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.1rem; }
    figure { display: flex; flex-direction: column; justify-content: space-between; }
    figcaption p { margin: 0.2rem 0 0.7rem; }
    \(chartCSS)    details { margin-top: 1.1rem; } details .grid, details .wide { margin-top: 0.9rem; }
    summary { cursor: pointer; color: var(--soft); }
    .bar { display: flex; gap: 2px; height: 1.6rem; border-radius: 6px; overflow: hidden; margin-bottom: 0.8rem; }
    .bar span { flex: 0 0 0; min-width: 2px; }
    .c0 { background: var(--c0); } .c1 { background: var(--c1); } .c2 { background: var(--c2); } .c3 { background: var(--c3); }
    .c4 { background: var(--c4); } .c5 { background: var(--c5); } .c6 { background: var(--c6); } .c7 { background: var(--c7); }
    .dot { display: inline-block; width: 0.7rem; height: 0.7rem; border-radius: 3px; margin-right: 0.55rem; }
    table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
    caption { text-align: left; font-size: 0.85rem; padding-bottom: 0.3rem; }
    td, th { text-align: left; padding: 0.35rem 0.9rem 0.35rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; overflow-wrap: anywhere; }
    th { color: var(--soft); font-weight: 500; font-size: 0.82rem; }
    .n { text-align: right; white-space: nowrap; } tr > :last-child { padding-right: 0; } .n + :not(.n) { padding-left: 1.2rem; } tr:last-child > td { border-bottom: 0; }
    .sum td { color: var(--soft); }
    .wide { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 0.6rem 1.25rem; }
    tr.warning td:nth-child(2), tr.error td:nth-child(2) { color: var(--bad); }
    .examples { display: grid; gap: 1.1rem; }
    article { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) minmax(0, 1fr); gap: 1.5rem; }
    article img { display: block; width: 100%; max-height: 16rem; object-fit: contain; object-position: left top; image-rendering: pixelated; border-radius: 6px; margin-bottom: 0.7rem; }
    .question { font-weight: 600; white-space: pre-wrap; margin-bottom: 0.2rem; overflow-wrap: anywhere; } .solution { margin: 0; color: var(--soft); } .solution b { color: var(--ink); }
    .answer { border-left: 2px solid var(--rule); padding-left: 1.1rem; min-width: 0; }
    .thinking { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.92rem; margin-bottom: 0.5rem; max-height: 18rem; overflow-y: auto; }
    .final { font-size: 1.25rem; font-weight: 620; margin: 0; overflow-wrap: anywhere; }
    .right, .wrong { font-weight: 600; font-size: 0.8rem; border-radius: 99px; padding: 0.1rem 0.6rem; margin-left: 0.35rem; white-space: nowrap; }
    .right { color: var(--good); background: var(--good-soft); } .wrong { color: var(--bad); background: var(--bad-soft); }
    section > p > .right, section > p > .wrong { margin: 0 0.4rem 0 0; }
    .equations p { max-width: 46rem; } math { font-size: 1.2rem; padding: 0.6rem 0 1.2rem; overflow-x: auto; overflow-y: hidden; } .eq { color: var(--soft); font-size: 0.8em; }
    .equations .note { margin: 0; }
    @media (max-width: 46rem) {
      main { padding: 1.5rem 0.9rem 3rem; } h1 { font-size: 1.65rem; }
      .grid, .headline { grid-template-columns: minmax(0, 1fr); }
      article { grid-template-columns: minmax(0, 1fr); gap: 1rem; }
      figure, article, .card, .headline { padding: 0.95rem 1rem; }
      math { font-size: 1rem; }
    }
    @media print { body { background: none; } figure, article, .card { break-inside: avoid; } }

    """

  /// Shows the value under the pointer. The page is whole without it.
  static let script: HTML = """

    for (const chart of document.querySelectorAll("svg.chart")) {
      const points = chart.dataset.points.split(";").filter(Boolean).map(p => p.split(":"));
      const unit = chart.dataset.unit ? " " + chart.dataset.unit : "";
      const cursor = chart.querySelector(".cursor"), reading = chart.querySelector(".reading");
      chart.addEventListener("pointermove", event => {
        const box = chart.getBoundingClientRect();
        const x = (event.clientX - box.left) * chart.viewBox.baseVal.width / box.width;
        let best = points[0];
        for (const point of points) if (Math.abs(point[2] - x) < Math.abs(best[2] - x)) best = point;
        cursor.setAttribute("x1", best[2]);
        cursor.setAttribute("x2", best[2]);
        cursor.style.visibility = "visible";
        reading.textContent = "step " + best[0] + ": " + best[1] + unit;
      });
      chart.addEventListener("pointerleave", () => {
        cursor.style.visibility = "hidden";
        reading.textContent = "";
      });
    }

    """
}
