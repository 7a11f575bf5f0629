internal import Rollout

/// What stands above the table: the learner, the step that is being collected, the units of work, and all roles in sum.
struct ClusterHeader {
  let snapshot: ClusterSnapshot
  /// No line is wider.
  let columns: Int
  /// What the length of bars goes by.
  let barColumns: Int

  static let rows = 7

  /// The most important first, for terminals that are too low for all.
  var lines: [ScreenLine] {
    [title, progress, learner, next, units] + [Role.worker, .scorer].map(sum)
  }

  private var title: ScreenLine {
    ScreenLine(
      parts: [
        ScreenLine("sophia", .strong), named("run", snapshot.run, .strong), named("on", "\(snapshot.host):\(snapshot.processID)"),
        named("up", Numbers.duration(snapshot.uptime)), named("incarnation", "\(snapshot.incarnation)"),
      ], columns: columns)
  }

  private var progress: ScreenLine {
    let (step, total) = (snapshot.step, snapshot.totalSteps)
    let share = total > 0 ? Double(step) / Double(total) : 1
    return ScreenLine(
      parts: [
        named("step", "\(step) of \(total)", .strong), bar(share), ScreenLine(Numbers.percent(share)),
        ScreenLine(snapshot.activity, snapshot.isTraining ? .good : .warning),
      ], columns: columns)
  }

  private var learner: ScreenLine {
    let idle = snapshot.idleShare
    return ScreenLine(
      parts: [
        named("groups/s", Numbers.short(snapshot.groupsPerSecond)), named("tokens/s", Numbers.short(snapshot.tokensPerSecond)),
        named("learner idle", Numbers.percent(idle), idle > 0.5 ? .warning : .plain),
        named("refused", Numbers.grouped(Double(snapshot.refusals)), snapshot.refusals > 0 ? .warning : .plain),
        named("came twice", Numbers.grouped(Double(snapshot.duplicates))),
      ], columns: columns)
  }

  private var next: ScreenLine {
    let wanted = snapshot.promptsPerStep
    let share = wanted > 0 ? Double(snapshot.ready) / Double(wanted) : 1
    return ScreenLine(
      parts: [
        named("next step", "\(snapshot.ready) of \(wanted) ready", .strong), bar(share),
        named("samples may lag", "\(snapshot.staleness)"),
      ], columns: columns)
  }

  private var units: ScreenLine {
    let counts = zip(UnitState.allCases, snapshot.units).map { state, count in
      named(state.rawValue, Numbers.grouped(Double(count)), state == .deadLettered && count > 0 ? .bad : .plain)
    }
    return ScreenLine(parts: [ScreenLine("units", .faint)] + counts, columns: columns)
  }

  private func sum(_ role: Role) -> ScreenLine {
    let peers = snapshot.peers.filter { $0.role == role }
    var parts = [ScreenLine("\(role.rawValue)s \(peers.count)", .strong)]
    parts += ObservedPeer.State.allCases.compactMap { state in
      let count = peers.count { $0.state == state }
      return count > 0 ? named(state.rawValue, "\(count)", ObservedPeer.ink(of: state)) : nil
    }
    let shares = peers.map(\.idleShare).filter(\.isFinite)
    if !shares.isEmpty { parts.append(named("mean idle", Numbers.percent(shares.reduce(0, +) / Double(shares.count)))) }
    if role == .worker, !peers.isEmpty {
      parts.append(named("tokens/s", Numbers.short(peers.map(\.tokensPerSecond).filter(\.isFinite).reduce(0, +))))
      let late = peers.count { ($0.behind(step: snapshot.step) ?? 0) > UInt64(snapshot.staleness) }
      if late > 0 { parts.append(named("too far behind", "\(late)", .bad)) }
    }
    let hosts = Set(peers.map(\.host)).count
    if hosts > 1 { parts.append(named("hosts", "\(hosts)")) }
    return ScreenLine(parts: parts, columns: columns)
  }

  private func named(_ name: String, _ value: String, _ ink: ScreenLine.Ink = .plain) -> ScreenLine {
    var line = ScreenLine(name + " ", .faint)
    line.add(value, ink)
    return line
  }

  /// As wide as a third of the screen, and not so wide that one has to look for its end.
  private func bar(_ share: Double) -> ScreenLine { .bar(share, width: min(40, barColumns / 3)) }
}
