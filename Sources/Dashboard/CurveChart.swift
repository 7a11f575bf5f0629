/// Several curves over training steps on an axis of shares, each with the band of its confidence interval.
struct CurveChart {
  var title: String
  var curves: [AblationPage.Curve]
  var steps: ClosedRange<Double>
  /// Of the y axis, from 0; 1 for shares.
  var top: Double

  private static let (width, height) = (320.0, 190.0)
  private static let (left, right, above, below) = (34.0, 8.0, 10.0, 24.0)

  var svg: HTML {
    let x = Axis(from: steps.lowerBound, to: steps.upperBound, ticks: 4)
    let y = Axis(over: [0, top], ticks: 4)
    let drawn = curves.map { curve -> HTML in
      guard !curve.points.isEmpty else { return .empty }
      func path(_ points: some Sequence<AblationPage.Curve.Point>, _ value: (AblationPage.Curve.Point) -> Double) -> [HTML] {
        points.map { point in
          "\(Self.short(Self.column(x.position(of: point.step)))),\(Self.short(Self.row(y.position(of: min(top, max(0, value(point))))))) "
        }
      }
      let line = path(curve.points) { $0.mean }
      let band = path(curve.points) { $0.mean + $0.margin } + path(curve.points.reversed()) { $0.mean - $0.margin }
      return "<polygon class=\"band\(curve.colour % 8)\" points=\"\(band)\"/><polyline class=\"curve\(curve.colour % 8)\" points=\"\(line)\"/>"
    }
    return """
      <svg class="chart" viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(summary)">
      \(frame(x, y))\(drawn)
      </svg>
      """
  }

  private func frame(_ x: Axis, _ y: Axis) -> HTML {
    let rows = y.ticks.map { tick -> HTML in
      let height = Self.row(y.position(of: tick))
      return """
        <line class="grid" x1="\(Self.left)" x2="\(Self.width - Self.right)" y1="\(height)" y2="\(height)"/>\
        <text x="\(Self.left - 5)" y="\(height + 4)" text-anchor="end">\(y.label(of: tick))</text>
        """
    }
    let columns = x.ticks.map { tick -> HTML in
      "<text x=\"\(Self.column(x.position(of: tick)))\" y=\"\(Self.height - 6)\" text-anchor=\"middle\">\(x.label(of: tick))</text>"
    }
    return "\(rows)\(columns)"
  }

  /// For those who hear the page.
  private var summary: String {
    let ends = curves.compactMap { curve in curve.points.last.map { "\(curve.name) ends at \(Numbers.short($0.mean))" } }
    return "\(title): \(ends.joined(separator: ", "))"
  }

  private static func column(_ share: Double) -> Double { left + share * (width - left - right) }
  private static func row(_ share: Double) -> Double { height - below - share * (height - above - below) }
  /// A tenth of a unit cannot be seen, and the page has thousands of places.
  private static func short(_ place: Double) -> String { Numbers.fixed(place, 1) }
}
