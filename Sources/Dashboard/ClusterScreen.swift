/// Turns lines into what is written to a terminal: only rows that changed, so that nothing flickers and little is sent.
struct ClusterScreen {
  private var drawn: [String] = []
  private var columns = 0

  /// As if nothing were on the screen.
  mutating func forget() { drawn = [] }

  /// - Returns: escape sequences that bring the screen from the last frame to this one; empty if it is the same.
  mutating func frame(_ lines: [ScreenLine], columns: Int, color: Bool, unicode: Bool) -> String {
    let texts = lines.map { $0.text(color: color, unicode: unicode) }
    var written = ""
    if texts.count != drawn.count || columns != self.columns {
      written += "\u{1B}[0m\u{1B}[2J"
      drawn = Array(repeating: "", count: texts.count)
      self.columns = columns
    }
    for (index, text) in texts.enumerated() where text != drawn[index] {
      // Cleared before it is written: clearing after a line that fills the row would take its last sign.
      written += "\u{1B}[\(index + 1);1H\u{1B}[2K\(text)"
    }
    drawn = texts
    return written
  }
}
