/// Shares of a whole, drawn as one bar with a table under it.
struct StackedBar {
  var parts: [(name: String, seconds: Double)]
  /// What the table's numbers are of: `of the run`.
  var caption: String

  var html: HTML {
    let known = parts.filter { $0.seconds.isFinite && $0.seconds > 0 }
    let total = known.reduce(0) { $0 + $1.seconds }
    guard total > 0 else { return "<p class=\"none\">Nothing was recorded.</p>" }
    let segments = known.enumerated().map { index, part -> HTML in
      "<span class=\"c\(Self.color(index))\" style=\"flex-grow:\(100 * part.seconds / total)\"></span>"
    }
    let rows = known.enumerated().map { index, part -> HTML in
      """
      <tr><td><i class="dot c\(Self.color(index))"></i>\(part.name)</td><td class="n">\(Numbers.duration(part.seconds))</td>\
      <td class="n">\(Numbers.percent(part.seconds / total))</td></tr>

      """
    }
    return """
      <div class="bar" aria-hidden="true">\(segments)</div>
      <table><caption>\(caption)</caption>
      \(rows)<tr class="sum"><td>in all</td><td class="n">\(Numbers.duration(total))</td><td class="n"></td></tr></table>
      """
  }

  /// Eight colours, used again from the ninth part on.
  private static func color(_ index: Int) -> Int { index % 8 }
}
