import Foundation
import RunStore
import Testing

@testable import Dashboard

@Suite("The report of a run")
struct ReportTests {
  let content: ReportContent
  let html: String

  init() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sophia-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try SyntheticRun().write(to: folder + "/run.sqlite")
    content = try ReportContent(RunReader(path: folder + "/run.sqlite"))
    html = Report(content).html
  }

  @Test("it holds what the run file holds")
  func collected() {
    #expect(content.baseAccuracy == 0.386)
    #expect(content.trainedAccuracy == 0.794)
    #expect(content.heldOutRows == 500)
    #expect((content.steps, content.groups, content.responses) == (60, 240, 1920))
    #expect(content.stages.map(\.name).first == "data")
    #expect(content.phases.map(\.name) == ["rollout", "scoring", "reference", "update", "broadcast"])
    #expect(content.counts.first { $0.state == "trained" }?.units == 240)
    #expect(content.problems == [])
    #expect(content.settings.contains { $0 == ("algorithm.one-sided", "exclude") })
    #expect(content.settings.contains { $0 == ("workers", "local, local") })
    #expect(content.curves.filter { $0.meaning != .other }.count == 8)
    #expect(content.curves.filter { $0.meaning == .other }.map(\.title) == ["loss", "clip_fraction", "gradient_norm"])
    #expect(content.curves.allSatisfy { !$0.points.isEmpty })
  }

  /// To look at the page: REPORT_PAGE=/tmp/report.html swift test --filter ReportTests
  @Test("it is written whole")
  func written() throws {
    let aside = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).html").path
    let path = ProcessInfo.processInfo.environment["REPORT_PAGE"] ?? aside
    defer { try? FileManager.default.removeItem(atPath: aside) }
    try Report(content).write(to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == html)
  }

  @Test("one file: nothing is fetched, nothing is linked")
  func selfContained() {
    for needle in ["http://", "https://", "src=\"/", "<link", "@import", "url("] {
      #expect(!html.contains(needle), "\(needle)")
    }
    #expect(html.contains("default-src 'none'"))
    #expect(html.components(separatedBy: "data:image/png;base64,").count == 4)
  }

  @Test("what the run says is text, never markup")
  func escaped() {
    #expect(!html.contains("<script>alert"))
    #expect(html.contains("&lt;script&gt;alert(&#39;B&#39;)&lt;/script&gt;"))
    #expect(html.contains("Bars, seed 7 &lt;demo&gt; &amp; more"))
    #expect(HTML.escape("a\u{0}b\u{1B}[1m\u{85}<'\"&>\nü") == "a\u{FFFD}b\u{FFFD}[1m\u{FFFD}&lt;&#39;&quot;&amp;&gt;\nü")
  }

  @Test("every element that is opened is closed, in order")
  func wellFormed() throws {
    var open: [String] = []
    let empty: Set = ["meta", "img", "line", "circle", "polyline", "mspace", "i/"]
    let body = try #require(html.range(of: "<body>"))
    let page = String(html[body.lowerBound...].dropLast("</html>\n".count)).replacing(/<script>.*<\/script>/.dotMatchesNewlines(), with: "")
    for match in page.matches(of: /<(\/?)([a-z0-9]+)([^>]*)>/) {
      let (closes, name) = (match.1 == "/", String(match.2))
      if closes {
        #expect(open.popLast() == name)
      } else if !match.3.hasSuffix("/"), !empty.contains(name) {
        open.append(name)
      }
    }
    #expect(open.isEmpty)
  }

  @Test("the numbers that matter stand at the top")
  func headline() {
    #expect(html.contains("38.6 %"))
    #expect(html.contains("79.4 %"))
    #expect(html.contains("+40.8 points"))
    #expect(html.contains("on 500 held-out problems"))
  }

  @Test("each curve has a chart with a title, ticks and an axis")
  func charts() {
    for title in [
      "Held-out accuracy", "Outcome reward", "Thinking reward", "Trust weight γ", "KL to the reference", "Entropy",
      "Response length", "Throughput", "gradient_norm",
    ] {
      #expect(html.contains("<h3>\(title)"), "\(title)")
    }
    #expect(html.components(separatedBy: "<svg class=\"chart\"").count == 1 + content.curves.count)
    #expect(html.components(separatedBy: "training step</text>").count == 1 + content.curves.count)
  }

  @Test("a run of which nothing is known yet makes a page too")
  func emptyRun() {
    let html = Report(ReportContent()).html
    #expect(html.contains("not evaluated"))
    #expect(!html.contains("nan"))
  }

  @Test("a diverged run makes a page too")
  func diverged() {
    var content = ReportContent()
    content.curves = [
      .init(.kl, [.init(step: 1, value: .nan), .init(step: 2, value: .infinity), .init(step: 3, value: 1e30)]),
      .init(.entropy, [.init(step: 1, value: .nan)]), .init(.length, [.init(step: 7, value: 0)]),
    ]
    content.baseAccuracy = .nan
    content.problems = ["Work is not conserved (5 issued, 6 in all states)."]
    let html = Report(content).html
    #expect(html.contains("Work is not conserved"))
    #expect(!html.lowercased().contains("\"nan") && !html.contains(",inf"))
  }

  @Test("an example whose bytes are no picture has none, and one that is out of form says so")
  func oddExample() {
    let card = ExampleCard(
      Example(
        problem: "?", image: Array("<svg onload=alert(1)>".utf8), solution: "5", before: .init(text: "5", outcome: 0.43),
        after: .init(text: "<think>a</think>", outcome: 0))
    ).html.source
    #expect(!card.contains("<img"))
    #expect(card.contains("reward 0.430"))
    #expect(card.components(separatedBy: "Not in the required form").count == 3)
  }
}

@Suite("Axes")
struct AxisTests {
  @Test("they begin and end on round numbers", arguments: [
    ([0.13, 0.87], [], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ([3, 12.2], [0], ["0", "5", "10", "15"]),
    ([0.02, 0.043], [0], ["0.00", "0.01", "0.02", "0.03", "0.04", "0.05"]),
    ([-3, 4], [], ["−4", "−2", "0", "2", "4"]),
    ([12_000, 48_000], [0], ["0", "10,000", "20,000", "30,000", "40,000", "50,000"]),
    ([1], [1], ["1.00", "1.02", "1.04", "1.06", "1.08", "1.10"]),
    ([], [], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
  ] as [([Double], [Double], [String])])
  func labels(values: [Double], including: [Double], expected: [String]) {
    let axis = Axis(over: values, including: including)
    #expect(axis.ticks.map(axis.label) == expected)
  }

  @Test("no value leaves them", arguments: [1e-9, 0.37, 5, 1234.5, 9e12])
  func inside(size: Double) {
    let values = (0..<20).map { size * Foundation.sin(Double($0)) }
    let axis = Axis(over: values)
    for value in values { #expect((-1e-9...1 + 1e-9).contains(axis.position(of: value))) }
    #expect((3...8).contains(axis.ticks.count))
  }

  @Test("steps of training are whole")
  func steps() {
    let axis = Axis(from: 0, to: 60)
    #expect(axis.ticks.map(axis.label) == ["0", "10", "20", "30", "40", "50", "60"])
    #expect(Axis(from: 0, to: 3).ticks == [0, 1, 2, 3])
  }
}

@Suite("Curves")
struct LineChartTests {
  private func points(_ values: [Double]) -> [RunReader.Point] {
    values.enumerated().map { RunReader.Point(step: UInt32($0.offset + 1), value: $0.element) }
  }

  @Test("a long run is drawn with fewer points and the same mean")
  func thinned() {
    let values = (0..<10_000).map { Double($0 % 7) }
    let thin = LineChart.thinned(points(values))
    #expect(thin.count == 1000)
    let mean = thin.reduce(0) { $0 + $1.value } / 1000
    #expect(abs(mean - values.reduce(0, +) / 10_000) < 1e-9)
    #expect(LineChart.thinned(points([1, 2, 3])) == points([1, 2, 3]))
  }

  @Test("the running mean of a straight line is the line, but for its ends")
  func runningMean() {
    let line = points((0..<40).map { Double($0) })
    let smooth = LineChart.runningMean(line)
    #expect(smooth[2..<38].map(\.value) == line[2..<38].map(\.value))
    #expect(smooth[0].value == 1)  // of 0, 1, 2
  }
}
