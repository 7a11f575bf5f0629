package import Rollout

extension ClusterView {
  /// Seconds after which an answer is late: several have been asked for by then.
  private static let late = 3.0

  /// The screen, line by line; none is wider than the terminal and there are no more than it has rows.
  package func lines(at now: Double) -> [ScreenLine] {
    var lines: [ScreenLine]
    if isHelping {
      lines = Array(ClusterHelp.lines.prefix(rows - 1))
    } else if let unitScreen {
      lines = unitScreen.lines(columns: columns, rows: pageRows)
    } else if let snapshot {
      lines = clusterLines(snapshot)
    } else {
      lines = [ScreenLine("sophia", .strong), ScreenLine("waiting for the learner at \(learner) ...")]
    }
    if let silence = silence(at: now) {
      if snapshot != nil { lines = lines.map { $0.inked(.faint) } }
      // Above the table: header lines that say least stand there.
      lines.insert(silence, at: min(1, lines.count))
    }
    lines = Array(lines.prefix(rows - 1))
    lines += Array(repeating: ScreenLine(), count: rows - 1 - lines.count)
    return (lines + [bottom]).map { $0.cut(to: columns) }
  }

  /// Everything at once, for who reads it later: all rows, as wide as they are.
  ///
  /// - Parameter columns: nil if nothing is to be cut.
  package static func wholeText(of snapshot: ClusterSnapshot, order: ClusterOrder, columns: Int?) -> [ScreenLine] {
    let peers = order.sorted(snapshot.peers, step: snapshot.step)
    let table = ClusterTable(peers, of: snapshot, measured: peers.indices, columns: columns)
    let header = ClusterHeader(snapshot: snapshot, columns: columns ?? .max, barColumns: min(columns ?? widest, widest)).lines
    let lines = header + [ScreenLine(), table.header.inked(.strong)] + peers.indices.map(table.row)
    return columns.map { columns in lines.map { $0.cut(to: columns) } } ?? lines
  }

  private static let widest = 120

  /// Rows of what is scrolled that the screen has room for.
  var pageRows: Int {
    let above = unitScreen?.header.count ?? headerRows + 1
    // One line is kept for bad news, so that the table does not jump when they come.
    return max(1, rows - 1 - above - 1)
  }

  // MARK: The cluster

  private func clusterLines(_ snapshot: ClusterSnapshot) -> [ScreenLine] {
    let peers = order.sorted(filter.shown(of: snapshot.peers), step: snapshot.step)
    let visible = (scroll..<min(peers.count, scroll + pageRows)).clamped(to: peers.indices)
    let table = ClusterTable(peers, of: snapshot, measured: visible, columns: columns)
    let header = ClusterHeader(snapshot: snapshot, columns: columns, barColumns: columns).lines.prefix(headerRows)
    return header + [table.header.cut(to: columns).padded(to: columns).inked(.bar)] + visible.map(table.row)
  }

  /// The table gets at least half of the screen.
  private var headerRows: Int { max(1, min(ClusterHeader.rows, rows / 2 - 1)) }

  // MARK: Around them

  private func silence(at now: Double) -> ScreenLine? {
    let age = max(0, now - heard)
    guard age > Self.late || trouble != nil else { return nil }
    guard snapshot != nil else { return ScreenLine("no answer for \(Numbers.duration(age))", .bad) }
    return ScreenLine("no answer since \(Numbers.date(heard)), \(Numbers.duration(age)) ago; this is how it was then", .bad)
  }

  private var bottom: ScreenLine {
    if let entry {
      var line = ScreenLine(entry.purpose == .filter ? "filter: " : "unit (EPOCH/PROMPT): ", .strong)
      line.add(entry.text)
      line.add("_", .faint)
      if let trouble = entry.trouble { line.add("   " + trouble, .bad) }
      return line
    }
    // Why there is no answer, and what to do about it.
    if let trouble {
      var line = ScreenLine("? help  q quit   ", .strong)
      line.add(trouble, .bad)
      return line
    }
    if isHelping { return ScreenLine("any key goes back", .faint) }
    if unitScreen != nil {
      return ScreenLine(parts: [ScreenLine("Esc back", .strong), ScreenLine("u another unit"), ScreenLine("q quit")], columns: columns)
    }
    var parts = [ScreenLine("sorted by \(order.key.rawValue)\(order.isReversed ? ", reversed" : "")")]
    if let role = filter.role { parts.append(ScreenLine("\(role.rawValue)s only", .warning)) }
    if !filter.text.isEmpty { parts.append(ScreenLine("with “\(filter.text)”", .warning)) }
    if let position { parts.append(ScreenLine(position)) }
    return ScreenLine(parts: [ScreenLine("? help  q quit", .strong)] + parts, columns: columns)
  }

  private var position: String? {
    guard let snapshot else { return nil }
    let count = filter.shown(of: snapshot.peers).count
    let of = filter.isOpen ? "\(count)" : "\(count) (\(snapshot.peers.count) in all)"
    guard count > 0 else { return filter.isOpen ? "no roles yet" : "none of \(snapshot.peers.count)" }
    return "\(scroll + 1)–\(min(count, scroll + pageRows)) of \(of)"
  }
}
