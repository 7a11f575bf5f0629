internal import Limits
internal import Rollout

extension WireLook {
  init(_ look: Look, _ version: UInt32) {
    self.init()
    protocolVersion = version
    if case .unit(let unit) = look { self.unit = WireUnitID(unit) }
  }
}

extension Look {
  init(_ wire: WireLook) {
    self = wire.hasUnit ? .unit(UnitID(wire.unit)) : .cluster
  }
}

extension WireClusterSnapshot {
  init(_ snapshot: ClusterSnapshot) {
    self.init()
    run = snapshot.run
    incarnation = snapshot.incarnation
    host = snapshot.host
    processID = snapshot.processID
    uptime = snapshot.uptime
    step = snapshot.step
    totalSteps = snapshot.totalSteps
    isTraining = snapshot.isTraining
    activity = snapshot.activity
    promptsPerStep = UInt32(clamping: snapshot.promptsPerStep)
    ready = UInt32(clamping: snapshot.ready)
    idleShare = Float(snapshot.idleShare)
    groupsPerSecond = Float(snapshot.groupsPerSecond)
    tokensPerSecond = Float(snapshot.tokensPerSecond)
    units = snapshot.units.map { UInt64(clamping: $0) }
    refusals = UInt64(clamping: snapshot.refusals)
    duplicates = UInt64(clamping: snapshot.duplicates)
    staleness = snapshot.staleness
    peers = snapshot.peers.map { WireObservedPeer($0) }
  }
}

extension ClusterSnapshot {
  init(_ wire: WireClusterSnapshot, _ limits: Limits) throws(WireError) {
    try limits.check("the number of peers", wire.peers.count, limits.messages.peers)
    try limits.check("the number of states", wire.units.count, UnitState.allCases.count)
    self.init(
      run: try limits.name(wire.run), incarnation: wire.incarnation, host: try limits.name(wire.host),
      processID: wire.processID, uptime: wire.uptime.orZero, step: wire.step, totalSteps: wire.totalSteps,
      isTraining: wire.isTraining, activity: limits.text(wire.activity), promptsPerStep: Int(wire.promptsPerStep),
      ready: Int(wire.ready), idleShare: Double(wire.idleShare).orZero, groupsPerSecond: Double(wire.groupsPerSecond).orZero,
      tokensPerSecond: Double(wire.tokensPerSecond).orZero, units: wire.units.map { Int(clamping: $0) },
      refusals: Int(clamping: wire.refusals), duplicates: Int(clamping: wire.duplicates), staleness: wire.staleness,
      peers: try limits.each(wire.peers, ObservedPeer.init))
  }
}

extension WireObservedPeer {
  init(_ peer: ObservedPeer) {
    self.init()
    name = peer.name
    role = peer.role.rawValue
    host = peer.host
    processID = peer.processID
    state = peer.state.rawValue
    if let version = peer.version { self.version = version }
    credit = UInt32(clamping: peer.credit)
    leases = UInt32(clamping: peer.leases)
    waiting = UInt32(clamping: peer.waiting)
    idleShare = Float(peer.idleShare)
    tokensPerSecond = Float(peer.tokensPerSecond)
    groups = UInt32(clamping: peer.groups)
    silence = Float(peer.silence)
  }
}

extension ObservedPeer {
  init(_ wire: WireObservedPeer, _ limits: Limits) throws(WireError) {
    guard let state = State(rawValue: wire.state) else { throw .malformed("snapshot", "a state that this version does not know") }
    self.init(
      name: try limits.name(wire.name), role: try limits.role(wire.role), host: try limits.name(wire.host),
      processID: wire.processID, state: state, version: wire.hasVersion ? wire.version : nil, credit: Int(wire.credit),
      leases: Int(wire.leases), waiting: Int(wire.waiting), idleShare: Double(wire.idleShare).orZero,
      tokensPerSecond: Double(wire.tokensPerSecond).orZero, groups: Int(wire.groups), silence: Double(wire.silence).orZero)
  }
}

extension WireUnitStory {
  init(_ story: UnitStory) {
    self.init()
    unit = WireUnitID(story.unit)
    state = story.state?.rawValue ?? ""
    step = story.step
    events = story.events.map { event in
      Event.with {
        $0.at = event.at
        $0.what = event.what
      }
    }
  }
}

extension UnitStory {
  init(_ wire: WireUnitStory, _ limits: Limits) throws(WireError) {
    try limits.check("the events of a unit", wire.events.count, limits.messages.storyEvents)
    let state = UnitState(rawValue: wire.state)
    guard state != nil || wire.state.isEmpty else { throw .malformed("story", "a state that this version does not know") }
    self.init(
      unit: UnitID(wire.unit), state: state, step: wire.step,
      events: wire.events.map { Event(at: $0.at.orZero, what: limits.text($0.what)) })
  }
}

extension Double {
  /// What no clock or counter says is shown as nothing.
  fileprivate var orZero: Double { isFinite && self >= 0 ? self : 0 }
}
