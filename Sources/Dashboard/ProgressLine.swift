/// What is shown of a stage at one moment, and how it is laid out.
struct ProgressLine: Sendable {
  var name: String
  var done: Int
  /// nil where it is not known.
  var total: Int?
  /// In the order in which they are shown.
  var numbers: [(name: String, value: Double)]
  var secondsLeft: Double?

  /// One line for a log: `warm start: 120/500 (24 %), loss 0.830, 38 s left`.
  var plain: String {
    var parts = [count + (share.map { " (\(Int(100 * $0)) %)" } ?? "")]
    parts += numbers.map { "\($0.name) \(Numbers.short($0.value))" }
    if let left { parts.append(left) }
    return "\(name): " + parts.joined(separator: ", ")
  }

  /// One line for a terminal that is `columns` wide. The bar takes the room that the words leave; a terminal too narrow
  /// for the words gets as many of them as fit.
  func drawn(columns: Int, color: Bool, unicode: Bool) -> String {
    let words = ([count] + numbers.map { "\($0.name) \(Numbers.short($0.value))" } + [left].compactMap { $0 })
      .joined(separator: "  ")
    // The last column stays free: terminals wrap when it is written.
    let room = max(0, columns - 1)
    let barWidth = min(Self.widestBar, room - name.count - words.count - 4)
    guard let share, barWidth >= Self.narrowestBar else {
      let line = "\(name)  \(words)"
      if line.count <= room { return line }
      return room == 0 ? "" : line.prefix(room - 1) + (unicode ? "…" : ">")
    }
    let bar = Self.bar(share, width: barWidth, unicode: unicode)
    guard color else { return "\(name)  \(bar.full)\(bar.empty)  \(words)" }
    return "\u{1B}[1m\(name)\u{1B}[0m  \u{1B}[32m\(bar.full)\u{1B}[0m\u{1B}[2m\(bar.empty)\u{1B}[0m  \(words)"
  }

  var share: Double? {
    total.map { $0 > 0 ? min(1, max(0, Double(done) / Double($0))) : 1 }
  }

  private static let widestBar = 30
  private static let narrowestBar = 6

  private var count: String { total.map { "\(done)/\($0)" } ?? "\(done)" }

  private var left: String? {
    guard let total, done < total, let secondsLeft else { return nil }
    return "\(Numbers.duration(secondsLeft)) left"
  }

  private static func bar(_ share: Double, width: Int, unicode: Bool) -> (full: String, empty: String) {
    let full = Int((share * Double(width)).rounded(.down))
    return (
      String(repeating: unicode ? "━" : "#", count: full), String(repeating: unicode ? "─" : "-", count: width - full)
    )
  }
}
