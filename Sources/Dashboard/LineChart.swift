internal import RunStore

/// One curve over training steps, drawn as SVG that takes its colours from the page.
struct LineChart {
  var title: String
  /// What the y axis counts: `nats`, `tokens`. Empty for a plain number.
  var unit: String
  var points: [RunReader.Point]
  /// Values that belong on the y axis whatever the data.
  var including: [Double] = []
  /// Few and far between: each point is marked and labelled, and nothing is smoothed.
  var isSparse = false
  /// The steps on the x axis, the same for all charts of a page.
  var steps: ClosedRange<Double>

  /// A noisy curve longer than this is drawn pale, with its running mean over it.
  static let smoothedFrom = 20

  private static let (width, height) = (420.0, 220.0)
  private static let (left, right, top, bottom) = (46.0, 12.0, 14.0, 34.0)

  var svg: HTML {
    let finite = Self.thinned(points.filter(\.value.isFinite))
    guard !finite.isEmpty else { return "<p class=\"none\">Nothing was recorded.</p>" }
    let x = Axis(from: steps.lowerBound, to: steps.upperBound)
    let y = Axis(over: finite.map(\.value), including: including)
    let place = { (point: RunReader.Point) -> (Double, Double) in
      (Self.column(x.position(of: Double(point.step))), Self.row(y.position(of: point.value)))
    }
    return """
      <svg class="chart" viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(summary(finite))"\
       data-unit="\(unit)" data-points="\(encoded(finite.map { ($0, place($0)) }))">
      \(frame(x, y))
      \(curves(finite, place))
      <line class="cursor" x1="0" x2="0" y1="\(Self.top)" y2="\(Self.height - Self.bottom)"/>
      <text class="reading" x="\(Self.width - Self.right)" y="11" text-anchor="end"></text>
      </svg>
      """
  }

  private func frame(_ x: Axis, _ y: Axis) -> HTML {
    let rows = y.ticks.map { tick -> HTML in
      let height = Self.row(y.position(of: tick))
      return """
        <line class="grid" x1="\(Self.left)" x2="\(Self.width - Self.right)" y1="\(height)" y2="\(height)"/>\
        <text x="\(Self.left - 6)" y="\(height + 4)" text-anchor="end">\(y.label(of: tick))</text>
        """
    }
    let columns = x.ticks.map { tick -> HTML in
      let column = Self.column(x.position(of: tick))
      let base = Self.height - Self.bottom
      return """
        <line class="tick" x1="\(column)" x2="\(column)" y1="\(base)" y2="\(base + 4)"/>\
        <text x="\(column)" y="\(base + 17)" text-anchor="middle">\(x.label(of: tick))</text>
        """
    }
    return """
      \(rows)\(columns)<text class="axis" x="\(Self.width - Self.right)" y="\(Self.height - 2)" text-anchor="end">training \
      step</text>
      """
  }

  private func curves(
    _ finite: [RunReader.Point], _ place: (RunReader.Point) -> (Double, Double)
  ) -> HTML {
    if isSparse || finite.count == 1 {
      let marks = finite.map { point -> HTML in
        let (column, row) = place(point)
        // Labels of points at the right edge would leave the picture.
        let anchor = column > Self.width - 60 ? "end" : column < Self.left + 20 ? "start" : "middle"
        // Above the mark, but for a first point that the line would run through.
        let rises = finite.count > 1 && point == finite[0] && finite[1].value > point.value
        let height = rises ? row + 19 : max(row - 9, 11)
        return """
          <circle class="mark" cx="\(column)" cy="\(row)" r="4"/>\
          <text class="value" x="\(column)" y="\(height)" text-anchor="\(anchor)">\(Numbers.short(point.value))</text>
          """
      }
      return "<polyline class=\"line\" points=\"\(path(finite.map(place)))\"/>\(marks)"
    }
    guard finite.count > Self.smoothedFrom else {
      return "<polyline class=\"line\" points=\"\(path(finite.map(place)))\"/>"
    }
    let smooth = Self.runningMean(finite)
    return """
      <polyline class="raw" points="\(path(finite.map(place)))"/>\
      <polyline class="line" points="\(path(smooth.map(place)))"/>
      """
  }

  /// More points than the picture has room for are drawn as means of their neighbours.
  static func thinned(_ points: [RunReader.Point], to bound: Int = 1000) -> [RunReader.Point] {
    guard points.count > bound else { return points }
    let size = (points.count + bound - 1) / bound
    return stride(from: 0, to: points.count, by: size).map { first in
      let part = points[first..<min(first + size, points.count)]
      return RunReader.Point(
        step: points[first].step, value: part.reduce(0) { $0 + $1.value / Double(part.count) })
    }
  }

  /// The mean over the points within reach to either side; at the ends over those there are.
  static func runningMean(_ points: [RunReader.Point]) -> [RunReader.Point] {
    let reach = max(2, points.count / 30)
    return points.indices.map { index in
      let near = points[max(0, index - reach)...min(points.count - 1, index + reach)]
      return RunReader.Point(
        step: points[index].step, value: near.reduce(0) { $0 + $1.value } / Double(near.count))
    }
  }

  private func path(_ places: [(Double, Double)]) -> HTML {
    let pairs = places.map { place -> HTML in "\(place.0),\(place.1) " }
    return "\(pairs)"
  }

  /// What the script reads values from: `step:value:x:y` of each point.
  private func encoded(_ points: [(RunReader.Point, (Double, Double))]) -> HTML {
    let parts = points.map { point, place -> HTML in
      "\(Int(point.step)):\(Numbers.short(point.value)):\(place.0):\(place.1);"
    }
    return "\(parts)"
  }

  /// For those who hear the page.
  private func summary(_ finite: [RunReader.Point]) -> String {
    guard let first = finite.first, let last = finite.last else { return title }
    let unit = unit.isEmpty ? "" : " " + unit
    return "\(title): \(Numbers.short(first.value))\(unit) at step \(first.step), "
      + "\(Numbers.short(last.value))\(unit) at step \(last.step)"
  }

  private static func column(_ share: Double) -> Double { left + share * (width - left - right) }
  private static func row(_ share: Double) -> Double { height - bottom - share * (height - top - bottom) }
}
