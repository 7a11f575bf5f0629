internal import Foundation

/// Curves over the number of workers, which is drawn on a logarithmic axis.
struct PlanChart {
  var title: String
  /// What the y axis counts.
  var unit: String
  var scale: PlanPage.Scale
  var curves: [PlanPage.Curve]
  /// Numbers of workers that the axis names, from one end to the other; of powers of ten if there are none.
  var marks: [Double] = []

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
    let values = curves.flatMap { $0.points.map(\.y) }
    let (y, linear) = (LogAxis(over: values), Axis(over: values.filter(\.isFinite), including: [0]))
    let height = { (value: Double) in
      switch scale {
      case .share: Self.row(min(max(value, 0), 1))
      case .logarithmic: Self.row(y.position(of: value))
      case .linear: Self.row(linear.position(of: value))
      }
    }
    let ticks: [(at: Double, label: String)] =
      switch scale {
      case .share: [0, 0.25, 0.5, 0.75, 1].map { ($0, "\(Int(100 * $0)) %") }
      case .logarithmic: y.ticks.map { ($0, y.label(of: $0)) }
      case .linear: linear.ticks.map { ($0, linear.label(of: $0)) }
      }
    return """
      \(rows(ticks, height))\(columns(x))\
      \(curves.enumerated().map { index, curve in draw(curve, index, x, height) })
      """
  }

  /// Of a number of workers, from one end of the axis to the other.
  private func position(of workers: Double, _ x: LogAxis) -> Double {
    guard let first = marks.first, let last = marks.last, first < last else { return x.position(of: workers) }
    return 0.03 + 0.94 * log(workers / first) / log(last / first)
  }

  private func rows(_ ticks: [(at: Double, label: String)], _ height: (Double) -> Double) -> HTML {
    let lines = ticks.map { tick, label -> HTML in
      return """
        <line class="grid" x1="\(Self.left)" x2="\(Self.width - Self.right)" y1="\(height(tick))" y2="\(height(tick))"/>\
        <text x="\(Self.left - 6)" y="\(height(tick) + 4)" text-anchor="end">\(label)</text>
        """
    }
    return "\(lines)"
  }

  private func columns(_ x: LogAxis) -> HTML {
    let base = Self.height - Self.bottom
    let ticks = (marks.isEmpty ? x.ticks : marks).map { tick -> HTML in
      let column = Self.column(position(of: tick, x))
      return """
        <line class="tick" x1="\(column)" x2="\(column)" y1="\(base)" y2="\(base + 5)"/>\
        <text x="\(column)" y="\(base + 18)" text-anchor="middle">\(x.label(of: tick))</text>
        """
    }
    let minor = (marks.isEmpty ? x.minorTicks : []).map { tick -> HTML in
      let column = Self.column(x.position(of: tick))
      return "<line class=\"tick\" x1=\"\(column)\" x2=\"\(column)\" y1=\"\(base)\" y2=\"\(base + 2.5)\"/>"
    }
    return """
      \(ticks)\(minor)<text class="axis" x="\(Self.width - Self.right)" y="\(Self.height - 4)" text-anchor="end">workers</text>
      """
  }

  private func draw(_ curve: PlanPage.Curve, _ index: Int, _ x: LogAxis, _ height: (Double) -> Double) -> HTML {
    let shown = curve.points.filter { $0.y.isFinite && (scale != .logarithmic || $0.y > 0) }
    let places = shown.map { (Self.column(position(of: $0.x, x)), height($0.y)) }
    let path = places.map { place -> HTML in "\(place.0),\(place.1) " }
    let marks = zip(shown, places).map { point, place -> HTML in
      let isEnough = point.x == curve.enough
      return "<circle class=\"dot\(curve.colour(at: index))\(isEnough ? " enough" : "")\" cx=\"\(place.0)\" cy=\"\(place.1)\" r=\"\(isEnough ? 6 : 2.4)\"/>"
    }
    return "<polyline class=\"curve\(curve.colour(at: index))\" points=\"\(path)\"/>\(marks)"
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
