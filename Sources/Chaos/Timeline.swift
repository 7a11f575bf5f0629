internal import Dashboard

/// The disturbed run over time: steps trained above, below a lane for each process with its lives and the faults on it.
struct Timeline {
  static let css: HTML = """

    .timeline { display: block; width: 100%; height: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
    .timeline text { font-size: 11px; fill: var(--soft); font-family: inherit; }
    .timeline .name { fill: var(--ink); }
    .timeline .grid { stroke: var(--grid); }
    .timeline .line { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
    .timeline .life { fill: var(--raw); }
    .timeline .fault { fill: var(--bad); }
    .timeline .edge { stroke: var(--bad); stroke-width: 1; stroke-dasharray: 2 3; opacity: 0.7; }
    .timeline .number { fill: var(--bad); font-weight: 700; }
    .lost { color: var(--bad); } .family { white-space: nowrap; }

    """

  private static let (width, left, right, top, chart, lane) = (1000.0, 80.0, 20.0, 26.0, 120.0, 24.0)

  private let verdict: Verdict
  private let names: [String]
  private let seconds: Double

  init(_ verdict: Verdict) {
    self.verdict = verdict
    var names: [String] = []
    for life in verdict.processes where !names.contains(life.name) { names.append(life.name) }
    self.names = names
    seconds = max(verdict.numbers.seconds, 1)
  }

  var html: HTML {
    let height = Self.top + Self.chart + Self.lane * Double(names.count) + 46
    return """
      <svg class="timeline" viewBox="0 0 \(Self.width) \(height)" role="img" aria-label="Steps, processes and faults over time">
      \(frame(height))
      \(steps)
      \(lanes)
      \(faults)
      </svg>
      """
  }

  private func x(_ time: Double) -> Double {
    Self.left + min(1, max(0, time / seconds)) * (Self.width - Self.left - Self.right)
  }

  private func laneTop(_ name: String) -> Double {
    Self.top + Self.chart + 16 + Self.lane * Double(names.firstIndex(of: name) ?? 0)
  }

  /// Seconds along the foot, about ten of them.
  private func frame(_ height: Double) -> HTML {
    let every = [0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 3600].first { seconds / $0 <= 12 } ?? 7200
    let marks = stride(from: 0, through: seconds, by: every).map { time -> HTML in
      """
      <line class="grid" x1="\(x(time))" x2="\(x(time))" y1="\(Self.top - 6)" y2="\(height - 26)"/>\
      <text x="\(x(time))" y="\(height - 10)" text-anchor="middle">\(Numbers.short(time)) s</text>
      """
    }
    return "\(marks)"
  }

  private var steps: HTML {
    let most = Double(max(1, verdict.samples.map(\.step).max() ?? 1))
    func y(_ step: Int) -> Double { Self.top + Self.chart * (1 - Double(step) / most) }
    var path = "M\(Self.left) \(y(0))"
    for sample in verdict.samples { path += "H\(Numbers.fixed(x(sample.at), 2))V\(Numbers.fixed(y(sample.step), 2))" }
    path += "H\(Numbers.fixed(x(seconds), 2))"
    return """
      <text class="name" x="\(Self.left - 10)" y="\(y(Int(most)) + 4)" text-anchor="end">step \(Int(most))</text>\
      <text x="\(Self.left - 10)" y="\(y(0) + 4)" text-anchor="end">0</text>\
      <path class="line" d="\(path)"/>
      """
  }

  private var lanes: HTML {
    let titles = names.map { name -> HTML in
      "<text class=\"name\" x=\"\(Self.left - 10)\" y=\"\(laneTop(name) + 12)\" text-anchor=\"end\">\(name)</text>"
    }
    let lives = verdict.processes.map { life -> HTML in
      let width = max(1, x(life.to) - x(life.from))
      return """
        <rect class="life" x="\(x(life.from))" y="\(laneTop(life.name) + 3)" width="\(width)" height="10" rx="3">\
        <title>\(life.name): \(life.end)</title></rect>
        """
    }
    return "\(titles)\(lives)"
  }

  /// Where the number of each fault stands: over its beginning, or beside the one before it.
  private var places: [Int: Double] {
    let fired = verdict.faults.compactMap { fault in fault.firedAt.map { (fault.number, x($0)) } }
    var places: [Int: Double] = [:]
    var last = -Double.infinity
    for (number, start) in fired.sorted(by: { ($0.1, $0.0) < ($1.1, $1.0) }) {
      last = max(start, last + (number > 9 ? 16 : 11))
      places[number] = last
    }
    return places
  }

  private var faults: HTML {
    let places = places
    let shown = verdict.faults.compactMap { fault -> HTML? in
      guard let from = fault.firedAt else { return nil }
      let name = fault.whom.replacing(" ", with: "-")
      let (start, end) = (x(from), x(fault.endedAt ?? from))
      let top = laneTop(name)
      return """
        <line class="edge" x1="\(start)" x2="\(start)" y1="\(Self.top - 4)" y2="\(top)"/>\
        <text class="number" x="\(places[fault.number] ?? start)" y="\(Self.top - 9)" text-anchor="middle">\(fault.number)</text>\
        <rect class="fault" x="\(start - 1.5)" y="\(top)" width="\(max(3, end - start))" height="16" rx="2">\
        <title>\(fault.number): \(fault.fault)</title></rect>
        """
    }
    return "\(shown)"
  }
}
