internal import DurableFiles

/// What more workers would bring, as a page or as a picture that needs nothing else.
package struct PlanPage: Sendable {
  /// A curve over the number of workers.
  package struct Curve: Sendable {
    package var name: String
    package var points: [(x: Double, y: Double)]
    /// Marked: from there on twice as many bring little.
    package var enough: Double?

    package init(name: String, points: [(x: Double, y: Double)], enough: Double? = nil) {
      self.name = name
      self.points = points
      self.enough = enough
    }
  }

  /// A picture with its curves.
  package struct Chart: Sendable {
    package var title: String
    package var words: String
    package var unit: String
    /// Whether the curves are shares of a whole; otherwise their axis is logarithmic.
    package var isShare: Bool
    package var curves: [Curve]

    package init(title: String, words: String = "", unit: String, isShare: Bool, curves: [Curve]) {
      self.title = title
      self.words = words
      self.unit = unit
      self.isShare = isShare
      self.curves = curves
    }
  }

  package var title: String
  package var facts: [String]
  package var charts: [Chart]
  package var columns: [String]
  package var rows: [[String]]

  package init(title: String, facts: [String], charts: [Chart], columns: [String], rows: [[String]]) {
    self.title = title
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
        <figcaption><h3>\(chart.title) <span class="unit">\(chart.unit)</span></h3>\(words)</figcaption>
        \(drawn(chart).svg)
        </figure>

        """
    }
    return .page(title: title, css: Self.css, """
      <header>
      <p class="over">A simulated cluster</p>
      <h1>\(title)</h1>
      <p class="facts">\(facts.joined(separator: " · "))</p>
      </header>
      <section>
      <p class="legend">\(legend)</p>
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

  private var legend: HTML {
    let names = charts.first?.curves.map(\.name) ?? []
    let parts = names.enumerated().map { index, name -> HTML in "<span><i class=\"dot c\(index % 8)\"></i>\(name)</span>" }
    return "\(parts)<span class=\"note\">A ring: from here on twice as many workers bring less than 10 % more.</span>"
  }

  private func drawn(_ chart: Chart) -> PlanChart {
    PlanChart(title: chart.title, unit: chart.unit, scale: chart.isShare ? .share : .logarithmic, curves: chart.curves)
  }

  /// All charts, two beside each other, in one picture.
  private var picture: HTML {
    let (width, height, gap) = (PlanChart.width, PlanChart.height + 44, 24.0)
    let lines = Double((charts.count + 1) / 2)
    let parts = charts.enumerated().map { index, chart -> HTML in
      """
      <g class="chart" transform="translate(\(gap + Double(index % 2) * (width + gap)),\(84 + Double(index / 2) * height))">
      <text class="name" x="0" y="0">\(chart.unit.isEmpty ? chart.title : "\(chart.title), \(chart.unit)")</text>
      <g transform="translate(0,12)">\(drawn(chart).content)</g>
      </g>

      """
    }
    var column = gap
    let names = (charts.first?.curves.map(\.name) ?? []).enumerated().map { index, name -> HTML in
      defer { column += 36 + 7 * Double(name.count) }
      return "<circle class=\"dot\(index % 8)\" cx=\"\(column + 4)\" cy=\"50\" r=\"4\"/><text x=\"\(column + 14)\" y=\"54\">\(name)</text>"
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(2 * width + 3 * gap) \(92 + lines * height)" font-family="ui-sans-serif, system-ui, Arial, sans-serif">
      <style>\(Self.pictureColours)\(ReportStyle.chartCSS)\(Self.css)</style>
      <rect width="100%" height="100%" fill="var(--card)"/>
      <g class="chart"><text class="headline" x="\(gap)" y="30">\(title)</text>\(names)</g>
      \(parts)</svg>

      """
  }

  private static let css: HTML = """

    .legend span { margin-right: 1.4rem; }
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
