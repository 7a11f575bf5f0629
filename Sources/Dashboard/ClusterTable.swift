internal import Rollout

/// The roles of a cluster as rows. Where a terminal is too narrow for all columns, those that say least are left out.
struct ClusterTable {
  private let peers: [ObservedPeer]
  private let step: UInt32
  private let staleness: UInt32
  private let layout: [(column: Column, width: Int)]

  /// - Parameters:
  ///   - peers: the rows, in the order in which they are shown.
  ///   - measured: of them, those that the columns have to be wide enough for.
  ///   - columns: nil for as many as it takes.
  init(_ peers: [ObservedPeer], of snapshot: ClusterSnapshot, measured: Range<Int>, columns: Int?) {
    self.peers = peers
    step = snapshot.step
    staleness = snapshot.staleness
    var layout = Column.allCases.map { column in
      // Names do not change while one scrolls, numbers do: these have room for what is usual.
      let rows = column.isName ? peers[...] : peers[measured.clamped(to: peers.indices)]
      let widest = rows.lazy.map { TerminalText.width(TerminalText.clean(column.text($0, step: snapshot.step))) }.max() ?? 0
      return (column: column, width: max(widest, column.narrowest, column.title.count))
    }
    if let columns { Self.fit(&layout, into: columns) }
    self.layout = layout
  }

  var header: ScreenLine {
    line { column, _ in ScreenLine(column.title) }
  }

  func row(_ index: Int) -> ScreenLine {
    let peer = peers[index]
    return line { column, width in
      let text = column == .place ? peer.place(columns: width) : column.text(peer, step: step)
      return ScreenLine(text, column.ink(peer, step: step, staleness: staleness)).cut(to: width)
    }
  }

  private func line(_ cell: (Column, Int) -> ScreenLine) -> ScreenLine {
    var line = ScreenLine()
    for (index, (column, width)) in layout.enumerated() {
      if index > 0 { line.add(Self.gap) }
      let cell = cell(column, width)
      if column.isName || column == .state || column == .role {
        line.add(index == layout.count - 1 ? cell : cell.padded(to: width))
      } else {
        line.add(String(repeating: " ", count: max(0, width - cell.width)))
        line.add(cell)
      }
    }
    return line
  }

  private static let gap = "  "

  private static func fit(_ layout: inout [(column: Column, width: Int)], into columns: Int) {
    func width(_ width: (Column, Int) -> Int) -> Int {
      layout.reduce(gap.count * (layout.count - 1)) { $0 + width($1.column, $1.width) }
    }
    while layout.count > 1, width({ $0.isName ? min($0.narrowest, $1) : $1 }) > columns,
      let least = layout.indices.min(by: { layout[$0].column.worth < layout[$1].column.worth })
    {
      layout.remove(at: least)
    }
    // Hosts have long names of which the start says most; names of roles are given up last.
    for column in [Column.place, .name] {
      guard let index = layout.firstIndex(where: { $0.column == column }) else { continue }
      let excess = width { $1 } - columns
      if excess > 0 { layout[index].width = max(min(column.narrowest, layout[index].width), layout[index].width - excess) }
    }
    if layout.count == 1 { layout[0].width = min(layout[0].width, max(0, columns)) }
  }
}

extension ClusterTable {
  enum Column: CaseIterable {
    case name, role, place, state, version, behind, leases, waiting, idle, tokens, groups, heard

    var title: String {
      switch self {
      case .name: "NAME"
      case .role: "ROLE"
      case .place: "HOST:PID"
      case .state: "STATE"
      case .version: "VERSION"
      case .behind: "BEHIND"
      case .leases: "LEASES"
      case .waiting: "WAITING"
      case .idle: "IDLE"
      case .tokens: "TOKENS/S"
      case .groups: "GROUPS"
      case .heard: "HEARD"
      }
    }

    /// The more, the longer it is kept.
    fileprivate var worth: Int {
      switch self {
      case .name: 12
      case .state: 11
      case .idle: 10
      case .heard: 9
      case .behind: 8
      case .place: 7
      case .tokens: 6
      case .leases: 5
      case .version: 4
      case .waiting: 3
      case .role: 2
      case .groups: 1
      }
    }

    fileprivate var isName: Bool { self == .name || self == .place }

    fileprivate var narrowest: Int {
      switch self {
      case .name: 10
      case .place: 14
      case .state, .idle: 7
      default: 6
      }
    }

    fileprivate func text(_ peer: ObservedPeer, step: UInt32) -> String {
      let isWorker = peer.role == .worker
      return switch self {
      case .name: peer.name
      case .role: peer.role.rawValue
      case .place: peer.place
      case .state: peer.state.rawValue
      case .version: peer.version.map { "\($0)" } ?? (isWorker ? "–" : "")
      case .behind: peer.behind(step: step).map { $0 == 0 ? "0" : "−\($0)" } ?? (isWorker ? "–" : "")
      case .leases: isWorker ? "\(peer.leases)/\(peer.credit)" : ""
      case .waiting: "\(peer.waiting)"
      case .idle: Numbers.percent(peer.idleShare)
      case .tokens: isWorker ? Numbers.short(peer.tokensPerSecond) : ""
      case .groups: isWorker ? Numbers.grouped(Double(peer.groups)) : ""
      case .heard: Numbers.duration(peer.silence)
      }
    }

    fileprivate func ink(_ peer: ObservedPeer, step: UInt32, staleness: UInt32) -> ScreenLine.Ink {
      switch self {
      case .name: return .strong
      case .role, .place: return .faint
      case .state: return ObservedPeer.ink(of: peer.state)
      case .behind:
        let behind = peer.behind(step: step) ?? 0
        return behind > staleness ? .bad : behind > 0 && behind == staleness ? .warning : .plain
      case .idle: return peer.idleShare > 0.5 && peer.role == .worker ? .warning : .plain
      // A peer says something every second or so.
      case .heard: return peer.silence > 30 ? .bad : peer.silence > 8 ? .warning : .plain
      default: return .plain
      }
    }
  }
}

extension ObservedPeer {
  /// `node-7…:4242`: of two processes on a host, the end tells which is which.
  fileprivate func place(columns: Int) -> String {
    let process = ":\(processID)"
    return TerminalText.cut(TerminalText.clean(host), to: max(0, columns - process.count)) + process
  }

  static func ink(of state: State) -> ScreenLine.Ink {
    switch state {
    case .working: .good
    case .idle: .plain
    case .joining, .full: .warning
    case .doubted: .bad
    }
  }
}
