internal import DurableFiles
internal import Foundation
internal import RunStore

/// `report.html`: a run on one page that needs nothing else, neither network nor server.
package struct Report: Sendable {
  private let content: ReportContent

  package init(_ content: ReportContent) {
    self.content = content
  }

  /// Writes the page whole or not at all.
  package func write(to path: String) throws {
    try DurableFiles.write(html, to: path)
  }

  package var html: String {
    let page = HTML.page(
      title: content.title, script: ReportStyle.script,
      """
      \(header)
      \(headline)
      \(section("Training", curves))
      \(section("Before and after", examples))
      \(section("Where the time went", time))
      \(section("How it is trained", Equations.html))
      \(section("Ledger", ledger))
      \(section("Processes", processes))
      \(section("Events", events))
      \(section("Settings", settings))
      """)
    return page.source
  }

  private func section(_ title: String, _ body: HTML?) -> HTML {
    guard let body else { return .empty }
    return "<section>\n<h2>\(title)</h2>\n\(body)\n</section>"
  }

  // MARK: Headline

  private var header: HTML {
    var facts: [String] = []
    if let startedAt = content.startedAt { facts.append("started \(Numbers.date(startedAt))") }
    if let seed = content.seed { facts.append("seed \(seed)") }
    facts.append("\(Numbers.grouped(Double(content.steps))) training steps")
    return """
      <header>
      <p class="over">Trust-GRPO with a thinking reward</p>
      <h1>\(content.title)</h1>
      <p class="facts">\(facts.joined(separator: " · "))</p>
      </header>
      """
  }

  private var headline: HTML {
    let seconds = content.stages.reduce(0) { $0 + $1.seconds }
    var tiles: [HTML] = []
    func tile(_ value: String?, _ name: String) {
      if let value { tiles.append("<div class=\"tile\"><b>\(value)</b><span>\(name)</span></div>") }
    }
    tile(content.responsesPerSecond.map(Numbers.short), "responses a second")
    tile(Numbers.grouped(Double(content.responses)), "responses trained")
    tile(Numbers.grouped(Double(content.groups)), "groups, each trained once")
    tile(seconds > 0 ? Numbers.duration(seconds) : nil, "from start to end")
    return """
      <div class="headline">
      <div class="accuracy">\(accuracy)</div>
      <div class="tiles">\(tiles)</div>
      </div>
      """
  }

  private var accuracy: HTML {
    let rows = content.heldOutRows.map { " on \(Numbers.grouped(Double($0))) held-out problems" } ?? ""
    switch (content.baseAccuracy, content.trainedAccuracy) {
    case (let base?, let trained?):
      let gain = 100 * (trained - base)
      let points = "\(gain < 0 ? "−" : "+")\(Numbers.fixed(abs(gain), 1)) points"
      return """
        <p class="big"><span class="from">\(Numbers.percent(base))</span> <span class="arrow">→</span> \
        <span class="to">\(Numbers.percent(trained))</span></p>
        <p>Greedy accuracy\(rows), before and after training: <b>\(points)</b>.</p>
        """
    case (let only?, nil), (nil, let only?):
      return """
        <p class="big"><span class="from">\(Numbers.percent(only))</span></p>
        <p>Greedy accuracy\(rows), \(content.baseAccuracy == nil ? "after" : "before") training.</p>
        """
    case (nil, nil):
      return "<p class=\"big none\">–</p><p>The policy was not evaluated on held-out problems.</p>"
    }
  }

  // MARK: Curves

  private var curves: HTML {
    let last = content.curves.flatMap(\.points).map(\.step).max() ?? 1
    let steps = 0...Double(max(1, last))
    let (known, other) = (content.curves.filter { $0.meaning != .other }, content.curves.filter { $0.meaning == .other })
    let cards = known.map { card($0, steps: steps) }
    let more = other.map { card($0, steps: steps) }
    let rest: HTML =
      more.isEmpty ? .empty : "<details><summary>Other numbers of the training steps</summary><div class=\"grid\">\(more)</div></details>"
    return """
      <p class="note">Pale lines are single steps, bold lines their running mean.</p>
      <div class="grid">\(cards)</div>\(rest)
      """
  }

  private func card(_ curve: ReportContent.Curve, steps: ClosedRange<Double>) -> HTML {
    let meaning = Explanation(of: curve.meaning)
    let title = curve.title.isEmpty ? meaning.title : curve.title
    let chart = LineChart(
      title: title, unit: meaning.unit, points: curve.points, including: meaning.including,
      isSparse: curve.meaning == .heldOutAccuracy && curve.points.count <= 12, steps: steps)
    let unit: HTML = meaning.unit.isEmpty ? .empty : " <span class=\"unit\">\(meaning.unit)</span>"
    let words: HTML = meaning.words.isEmpty ? .empty : "<p>\(meaning.words)</p>"
    return "<figure>\n<figcaption><h3>\(title)\(unit)</h3>\(words)</figcaption>\n\(chart.svg)\n</figure>\n"
  }

  // MARK: Time, processes, ledger, settings

  private var time: HTML? {
    guard !content.stages.isEmpty || !content.phases.isEmpty else { return nil }
    let stages = StackedBar(parts: content.stages.map { ($0.name, $0.seconds) }, caption: "The whole run, by stage")
    let phases = StackedBar(
      parts: content.phases.map { ($0.name, $0.seconds) }, caption: "The training steps, by phase, summed over steps and processes")
    let second: HTML = content.phases.isEmpty ? .empty : "<div class=\"card\">\(phases.html)</div>"
    return "<div class=\"grid\"><div class=\"card\">\(stages.html)</div>\(second)</div>"
  }

  private var ledger: HTML {
    let issued = content.counts.reduce(0) { $0 + $1.units }
    let cells = content.counts.map { count -> HTML in
      "<div class=\"tile\"><b>\(Numbers.grouped(Double(count.units)))</b><span>\(count.state)</span></div>"
    }
    let verdict: HTML =
      content.problems.isEmpty
      ? "<p><span class=\"right\">✓ sound</span> Nothing lost, nothing twice: \(Numbers.grouped(Double(issued))) units of work were issued, and each is in exactly one state.</p>"
      : "<p><span class=\"wrong\">✗ not sound</span></p><ul>\(content.problems.map { "<li>\($0)</li>" as HTML })</ul>"
    let policy: HTML =
      content.policySHA256.map { "<p>Trained policy, SHA-256: <code>\($0)</code></p>" } ?? .empty
    return "\(verdict)\n<div class=\"tiles\">\(cells)</div>\n\(policy)"
  }

  private var processes: HTML? {
    guard !content.processes.isEmpty else { return nil }
    let start = content.startedAt ?? 0
    let rows = content.processes.map { process -> HTML in
      let lasted = process.endedAt.map { Numbers.duration($0 - process.startedAt) } ?? "running"
      return """
        <tr><td>\(process.role) \(process.number)</td><td class="n">\(Int(process.pid))</td><td>\(process.host)</td>\
        <td class="n">\(Numbers.duration(process.startedAt - start))</td><td class="n">\(lasted)</td>\
        <td>\(process.exit ?? "")</td></tr>

        """
    }
    return """
      <div class="wide"><table>
      <tr><th>role</th><th class="n">process id</th><th>machine</th><th class="n">started after</th>\
      <th class="n">ran for</th><th>ended</th></tr>
      \(rows)</table></div>
      """
  }

  private var events: HTML? {
    guard !content.events.isEmpty else { return nil }
    let rows = content.events.map { event -> HTML in
      """
      <tr class="\(event.level.rawValue)"><td class="n">\(event.at.map(Numbers.date) ?? "")</td><td>\(event.level.rawValue)</td>\
      <td>\(event.source)</td><td>\(event.message)</td></tr>

      """
    }
    return "<details><summary>\(content.events.count) recorded</summary><div class=\"wide\"><table>\(rows)</table></div></details>"
  }

  private var settings: HTML? {
    guard !content.settings.isEmpty else { return nil }
    let rows = content.settings.map { "<tr><td><code>\($0.name)</code></td><td>\($0.value)</td></tr>\n" as HTML }
    return "<details open><summary>\(content.settings.count) settings</summary><div class=\"wide\"><table>\(rows)</table></div></details>"
  }

  private var examples: HTML? {
    guard !content.examples.isEmpty else { return nil }
    let cards = content.examples.map { ExampleCard($0).html }
    return """
      <p class="note">Held-out problems, answered greedily by the base policy and by the trained one.</p>
      <div class="examples">\(cards)</div>
      """
  }
}
