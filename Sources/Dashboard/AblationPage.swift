internal import DurableFiles

/// The page of an ablation: what follows, the numbers of every cell, and curves.
package struct AblationPage: Sendable {
  /// A mean over runs, by step.
  package struct Curve: Sendable {
    package struct Point: Sendable {
      package var step: Double
      package var mean: Double
      /// Half of the 95 % confidence interval.
      package var margin: Double

      package init(step: Double, mean: Double, margin: Double) {
        self.step = step
        self.mean = mean
        self.margin = margin
      }
    }

    package var name: String
    /// Which of the page's colours, the same for the same arm in every picture.
    package var colour: Int
    package var points: [Point]

    package init(name: String, colour: Int, points: [Point]) {
      self.name = name
      self.colour = colour
      self.points = points
    }
  }

  /// One quantity, in a picture for each judge and combination of settings.
  package struct Section: Sendable {
    package var title: String
    package var words: String
    package var top: Double
    package var charts: [(title: String, curves: [Curve])]

    package init(title: String, words: String, top: Double, charts: [(title: String, curves: [Curve])]) {
      self.title = title
      self.words = words
      self.top = top
      self.charts = charts
    }
  }

  package struct Row: Sendable {
    package var cells: [String]
    /// Whether the row's difference is told apart from 0, and to which side.
    package var tendency: Int

    package init(cells: [String], tendency: Int) {
      self.cells = cells
      self.tendency = tendency
    }
  }

  package var title: String
  package var facts: [String]
  package var words: [String]
  package var legend: [(name: String, colour: Int)]
  package var columns: [String]
  package var rows: [Row]
  package var sections: [Section]
  /// Pictures beside each other, as long as the page is wide enough.
  package var chartsInRow: Int
  /// The commands that make the page again.
  package var command: String

  package init(
    title: String, facts: [String], words: [String], legend: [(name: String, colour: Int)], columns: [String], rows: [Row],
    sections: [Section], chartsInRow: Int, command: String
  ) {
    self.title = title
    self.facts = facts
    self.words = words
    self.legend = legend
    self.columns = columns
    self.rows = rows
    self.sections = sections
    self.chartsInRow = chartsInRow
    self.command = command
  }

  /// Whole or not at all.
  package func write(to path: String) throws {
    try DurableFiles.write(page.source, to: path)
  }

  private var page: HTML {
    .page(title: title, css: Self.css, """
    <header>
    <p class="over">Ablation</p>
    <h1>\(title)</h1>
    <p class="facts">\(facts.joined(separator: " · "))</p>
    </header>
    <section>
    <h2>What follows</h2>
    <ul class="findings">\(words.map { "<li>\($0)</li>\n" as HTML })</ul>
    </section>
    <section>
    <h2>Numbers</h2>
    <p class="note">Accuracy, soundness and confident words: on held-out rows, greedily, at the end. Difference: in accuracy, paired by base policy and seed. One-sided: share of the groups sampled in training.</p>
    <div class="wide"><table>
    <tr>\(columns.enumerated().map { "<th\(Self.isNumber($0.offset, of: columns.count) ? " class=\"n\"" : "" as HTML)>\($0.element)</th>" as HTML })</tr>
    \(rows.map(row))
    </table></div>
    </section>
    \(sections.map(section))
    <section>
    <h2>Make it again</h2>
    <p><code>\(command)</code></p>
    </section>
    """)
  }

  /// The last five columns are numbers.
  private static func isNumber(_ column: Int, of count: Int) -> Bool { column >= count - 5 }

  private func row(_ row: Row) -> HTML {
    let kind: HTML = row.tendency > 0 ? " class=\"up\"" : row.tendency < 0 ? " class=\"down\"" : ""
    let cells = row.cells.enumerated().map { column, text -> HTML in
      Self.isNumber(column, of: row.cells.count) ? "<td class=\"n\">\(text)</td>" : "<td>\(text)</td>"
    }
    return "<tr\(kind)>\(cells)</tr>\n"
  }

  private func section(_ section: Section) -> HTML {
    let steps = section.charts.flatMap { $0.curves.flatMap { $0.points.map(\.step) } }
    let range = (steps.min() ?? 0)...max(steps.max() ?? 1, (steps.min() ?? 0) + 1)
    let cards = section.charts.map { chart -> HTML in
      """
      <figure>
      <figcaption><h4>\(chart.title)</h4></figcaption>
      \(CurveChart(title: "\(section.title), \(chart.title)", curves: chart.curves, steps: range, top: section.top).svg)
      </figure>

      """
    }
    return """
      <section>
      <h2>\(section.title)</h2>
      <p class="note">\(section.words)</p>
      <p class="legend">\(legend.map { "<span><i class=\"dot c\($0.colour % 8)\"></i>\($0.name)</span>" as HTML })</p>
      <div class="grid many" style="--beside: \(max(2, min(4, chartsInRow)))">\(cards)</div>
      </section>

      """
  }

  private static let css: HTML = """

    main { max-width: 78rem; }
    .findings { padding-left: 1.2rem; max-width: 62rem; } .findings li { margin-bottom: 0.55rem; }
    .legend span { margin-right: 1.4rem; white-space: nowrap; }
    .grid.many { grid-template-columns: repeat(var(--beside), minmax(0, 1fr)); }
    @media (max-width: 46rem) { .grid.many { grid-template-columns: minmax(0, 1fr); } }
    .grid.many figure { padding: 0.8rem 0.9rem; }
    tr.up td:nth-last-child(4) { color: var(--good); } tr.down td:nth-last-child(4) { color: var(--bad); }
    \((0..<8).map { index -> HTML in
      """
      .chart .curve\(index) { fill: none; stroke: var(--c\(index)); stroke-width: 2; stroke-linejoin: round; }
      .chart .band\(index) { fill: var(--c\(index)); opacity: 0.13; stroke: none; }

      """
    })
    """
}
