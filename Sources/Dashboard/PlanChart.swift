/// Curves over the number of workers, which is drawn on a logarithmic axis.
struct PlanChart {
  enum Scale {
    case logarithmic
    /// Shares of a whole.
    case share
  }

  var title: String
  /// What the y axis counts.
  var unit: String
  var scale: Scale
  var curves: [PlanPage.Curve]

  static let (width, height) = (420.0, 260.0)
  private static let (left, right, top, bottom) = (56.0, 12.0, 16.0, 38.0)

  var svg: HTML {
    """
    <svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(summary)">
    \(content)
    </svg>
    """
  }

  /// Everything within the picture.
  var content: HTML {
    let x = LogAxis(over: curves.flatMap { $0.points.map(\.x) })
    let y = LogAxis(over: curves.flatMap { $0.points.map(\.y) })
    let height = { (value: Double) in Self.row(scale == .share ? min(max(value, 0), 1) : y.position(of: value)) }
    return """
      \(rows(y, height))\(columns(x))\
      \(curves.enumerated().map { index, curve in draw(curve, index, x, height) })
      """
  }

  private func rows(_ y: LogAxis, _ height: (Double) -> Double) -> HTML {
    let ticks = scale == .share ? [0, 0.25, 0.5, 0.75, 1] : y.ticks
    let lines = ticks.map { tick -> HTML in
      let label = scale == .share ? "\(Int(100 * tick)) %" : y.label(of: tick)
      return """
        <line class="grid" x1="\(Self.left)" x2="\(Self.width - Self.right)" y1="\(height(tick))" y2="\(height(tick))"/>\
        <text x="\(Self.left - 6)" y="\(height(tick) + 4)" text-anchor="end">\(label)</text>
        """
    }
    return "\(lines)"
  }

  private func columns(_ x: LogAxis) -> HTML {
    let base = Self.height - Self.bottom
    let ticks = x.ticks.map { tick -> HTML in
      let column = Self.column(x.position(of: tick))
      return """
        <line class="tick" x1="\(column)" x2="\(column)" y1="\(base)" y2="\(base + 5)"/>\
        <text x="\(column)" y="\(base + 18)" text-anchor="middle">\(x.label(of: tick))</text>
        """
    }
    let minor = x.minorTicks.map { tick -> HTML in
      let column = Self.column(x.position(of: tick))
      return "<line class=\"tick\" x1=\"\(column)\" x2=\"\(column)\" y1=\"\(base)\" y2=\"\(base + 2.5)\"/>"
    }
    return """
      \(ticks)\(minor)<text class="axis" x="\(Self.width - Self.right)" y="\(Self.height - 4)" text-anchor="end">workers</text>
      """
  }

  private func draw(_ curve: PlanPage.Curve, _ index: Int, _ x: LogAxis, _ height: (Double) -> Double) -> HTML {
    let shown = curve.points.filter { $0.y.isFinite && (scale == .share || $0.y > 0) }
    let places = shown.map { (Self.column(x.position(of: $0.x)), height($0.y)) }
    let path = places.map { place -> HTML in "\(place.0),\(place.1) " }
    let marks = zip(shown, places).map { point, place -> HTML in
      let isEnough = point.x == curve.enough
      return "<circle class=\"dot\(index % 8)\(isEnough ? " enough" : "")\" cx=\"\(place.0)\" cy=\"\(place.1)\" r=\"\(isEnough ? 6 : 2.4)\"/>"
    }
    return "<polyline class=\"curve\(index % 8)\" points=\"\(path)\"/>\(marks)"
  }

  /// For those who hear the page.
  private var summary: String {
    let parts = curves.compactMap { curve in
      curve.points.last.map { "\(curve.name): \(Numbers.short($0.y)) \(unit) with \(Numbers.grouped($0.x)) workers" }
    }
    return "\(title). \(parts.joined(separator: "; "))"
  }

  private static func column(_ share: Double) -> Double { left + share * (width - left - right) }
  private static func row(_ share: Double) -> Double { height - bottom - share * (height - top - bottom) }
}
