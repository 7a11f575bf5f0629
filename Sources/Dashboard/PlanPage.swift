internal import DurableFiles

/// What more workers would bring, as a page or as a picture that needs nothing else.
package struct PlanPage: Sendable {
  /// A curve over the number of workers.
  package struct Curve: Sendable {
    package var name: String
    package var points: [(x: Double, y: Double)]
    /// Marked: from there on twice as many bring little.
    package var enough: Double?
    /// Of the page's eight; nil: by its place among the chart's.
    package var colour: Int?

    package init(name: String, points: [(x: Double, y: Double)], enough: Double? = nil, colour: Int? = nil) {
      self.colour = colour
      self.name = name
      self.points = points
      self.enough = enough
    }
  }

  package enum Scale: Sendable {
    case logarithmic
    /// Shares of a whole.
    case share
    /// From 0 on.
    case linear
  }

  /// A picture with its curves.
  package struct Chart: Sendable {
    package var title: String
    package var words: String
    package var unit: String
    package var scale: Scale
    package var curves: [Curve]

    package init(title: String, words: String = "", unit: String, scale: Scale, curves: [Curve]) {
      self.title = title
      self.words = words
      self.unit = unit
      self.scale = scale
      self.curves = curves
    }
  }

  /// What it is of, above the title.
  package var subject: String
  package var title: String
  /// What the marks in the pictures mean.
  package var note: String
  package var facts: [String]
  package var charts: [Chart]
  package var columns: [String]
  package var rows: [[String]]
  /// Numbers of workers that the axes name; powers of ten if there are none.
  package var marks: [Double]

  package init(
    subject: String, title: String, note: String = "", facts: [String], charts: [Chart], columns: [String], rows: [[String]],
    marks: [Double] = []
  ) {
    self.subject = subject
    self.title = title
    self.note = note
    self.marks = marks
    self.facts = facts
    self.charts = charts
    self.columns = columns
    self.rows = rows
  }

  /// Writes an SVG picture if that is how `path` ends, otherwise a page, whole or not at all.
  package func write(to path: String) throws {
    try DurableFiles.write(path.hasSuffix(".svg") ? picture.source : page.source, to: path)
  }

  private var page: HTML {
    let cards = charts.map { chart -> HTML in
      let words: HTML = chart.words.isEmpty ? .empty : "<p>\(chart.words)</p>"
      return """
        <figure>
        <figcaption><h3>\(chart.title) <span class="unit">\(chart.unit)</span></h3>\(words)\(areAlike ? .empty : legend(chart))</figcaption>
        \(drawn(chart).svg)
        </figure>

        """
    }
    return .page(title: title, css: Self.css, """
      <header>
      <p class="over">\(subject)</p>
      <h1>\(title)</h1>
      <p class="facts">\(facts.joined(separator: " · "))</p>
      </header>
      <section>
      <p class="legend">\(areAlike ? charts.first.map { keys($0) } ?? .empty : .empty)<span class="note">\(note)</span></p>
      <div class="grid">\(cards)</div>
      </section>
      <section>
      <h2>Numbers</h2>
      <div class="wide"><table>
      \(head)
      \(rows.map { row -> HTML in "<tr>\(row.map { "<td class=\"n\">\($0)</td>" as HTML })</tr>\n" })
      </table></div>
      </section>
      """)
  }

  private var head: HTML { "<tr>\(columns.map { "<th class=\"n\">\($0)</th>" as HTML })</tr>" }

  /// Whether all charts have curves of the same names, so that one legend does for all.
  private var areAlike: Bool { Set(charts.map { $0.curves.map(\.name) }).count <= 1 }

  private func legend(_ chart: Chart) -> HTML { "<p class=\"legend\">\(keys(chart))</p>" }

  private func keys(_ chart: Chart) -> HTML {
    let parts = chart.curves.enumerated().map { index, curve -> HTML in
      "<span><i class=\"dot c\(curve.colour(at: index))\"></i>\(curve.name)</span>"
    }
    return "\(parts)"
  }

  private func drawn(_ chart: Chart) -> PlanChart {
    PlanChart(title: chart.title, unit: chart.unit, scale: chart.scale, curves: chart.curves, marks: marks)
  }

  /// All charts, two beside each other, in one picture.
  private var picture: HTML {
    // Each chart has a legend of its own unless one does for all.
    let below = areAlike ? 12.0 : 34.0
    let (width, height, gap) = (PlanChart.width, PlanChart.height + 32 + below, 24.0)
    let lines = Double((charts.count + 1) / 2)
    let parts = charts.enumerated().map { index, chart -> HTML in
      """
      <g class="chart" transform="translate(\(gap + Double(index % 2) * (width + gap)),\(84 + Double(index / 2) * height))">
      <text class="name" x="0" y="0">\(chart.unit.isEmpty ? chart.title : "\(chart.title), \(chart.unit)")</text>
      \(areAlike ? .empty : names(chart.curves, from: 0, at: 20))
      <g transform="translate(0,\(below))">\(drawn(chart).content)</g>
      </g>

      """
    }
    let legend = areAlike ? names(charts.first?.curves ?? [], from: gap, at: 54) : .empty
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(2 * width + 3 * gap) \(92 + lines * height)" font-family="ui-sans-serif, system-ui, Arial, sans-serif">
      <style>\(Self.pictureColours)\(ReportStyle.chartCSS)\(Self.css)</style>
      <rect width="100%" height="100%" fill="var(--card)"/>
      <g class="chart"><text class="headline" x="\(gap)" y="30">\(title)</text>\(legend)\(areAlike ? .empty : factsLine(gap))</g>
      \(parts)</svg>

      """
  }

  private func factsLine(_ column: Double) -> HTML {
    "<text x=\"\(column)\" y=\"52\">\(facts.joined(separator: " · "))</text>"
  }

  /// The curves' names beside their colours, in a line.
  private func names(_ curves: [Curve], from start: Double, at baseline: Double) -> HTML {
    var column = start
    let parts = curves.enumerated().map { index, curve -> HTML in
      defer { column += 36 + 6.2 * Double(curve.name.count) }
      return """
        <circle class="dot\(curve.colour(at: index))" cx="\(column + 4)" cy="\(baseline - 4)" r="4"/><text x="\(column + 14)" y="\(baseline)">\(curve.name)</text>
        """
    }
    return "\(parts)"
  }

  private static let css: HTML = """

    .legend span { margin-right: 1.4rem; display: inline-block; white-space: nowrap; }
    .legend .note { white-space: normal; }
    \((0..<8).map { index -> HTML in
      """
      .curve\(index) { fill: none; stroke: var(--c\(index)); stroke-width: 2.2; stroke-linejoin: round; }
      .dot\(index) { fill: var(--c\(index)); }
      .dot\(index).enough { fill: var(--card); stroke: var(--c\(index)); stroke-width: 2.4; }

      """
    })
    .chart .name { font-size: 14px; font-weight: 600; fill: var(--ink); }
    .chart .headline { font-size: 19px; font-weight: 650; fill: var(--ink); }

    """

  private static let pictureColours: HTML = """

    svg { \(ReportStyle.lightColours) }

    """
}

extension PlanPage.Curve {
  /// - Parameter index: its place among the chart's.
  func colour(at index: Int) -> Int { (colour ?? index) % 8 }
}
