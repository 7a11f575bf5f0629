internal import CLinux

/// A connection of a client, and the one that goes on to the server for it.
final class Connection: Polled, Resumable {
  private unowned let link: Link
  /// By the direction of what they send.
  private var senders: BothDirections<StreamEnd>
  private let flows: BothDirections<Flow>
  private var isConnected = false
  private var isInLine = BothDirections(toServer: false, toClient: false)
  private var resumesSoon = BothDirections(toServer: false, toClient: false)
  private var resumesAt = BothDirections<MonotonicInstant?>(toServer: nil, toClient: nil)
  /// Of a frozen connection: who has closed.
  private var hasClosed: BothDirections<Bool>?
  private(set) var isClosed = false

  /// Takes over both descriptors.
  init(client: Int32, server: Int32, draws: BothDirections<SeededDraws>, link: Link) {
    self.link = link
    senders = BothDirections(toServer: StreamEnd(descriptor: client), toClient: StreamEnd(descriptor: server))
    flows = BothDirections(toServer: Flow(draws: draws.toServer), toClient: Flow(draws: draws.toClient))
    for direction in LinkDirection.allCases {
      senders[direction].token = link.loop.add(
        senders[direction].descriptor, EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue, self, tag: direction.tag)
    }
  }

  // MARK: Events

  func ready(_ events: UInt32, tag: Int) {
    guard !isClosed else { return }
    let direction = LinkDirection(tag: tag)
    if direction == .toClient, !isConnected {
      guard Sockets.failure(senders.toClient.descriptor) == 0 else { return missServer() }
      isConnected = true
    }
    senders[direction].note(events)
    pump(direction)
    pump(direction.opposite)
  }

  func resume(tag: Int) {
    let direction = LinkDirection(tag: tag)
    resumesSoon[direction] = false
    if let at = resumesAt[direction], at <= .now { resumesAt[direction] = nil }
    pump(direction)
  }

  private func missServer() {
    link.counts.withoutServer += 1
    if hasClosed == nil { close(abruptly: true) } else { noteClosed(.toClient) }
  }

  private func resumeSoon(_ direction: LinkDirection) {
    guard !isClosed, !resumesSoon[direction] else { return }
    resumesSoon[direction] = true
    link.loop.resumeSoon(self, tag: direction.tag)
  }

  private func resumeWhenDue(_ direction: LinkDirection) {
    let flow = flows[direction]
    guard !link.lanes[direction].condition.isCut, let next = flow.waiting.due ?? flow.ending?.due, next > .now else { return }
    if let at = resumesAt[direction], at <= next { return }
    resumesAt[direction] = next
    link.loop.resume(self, tag: direction.tag, at: next)
  }

  // MARK: Faults

  /// The condition of a direction is another one now.
  func conditionChanged(_ direction: LinkDirection) {
    guard !isClosed, hasClosed == nil else { return }
    let condition = link.lanes[direction].condition
    flows[direction].change(to: condition, at: .now)
    if condition.isCut { link.counts.bytesHeld += flows[direction].hold() }
    pump(direction)
  }

  func freeze() {
    guard !isClosed, hasClosed == nil else { return }
    hasClosed = BothDirections(toServer: flows.toServer.ending != nil, toClient: flows.toClient.ending != nil)
    link.counts.frozen += 1
    for direction in LinkDirection.allCases {
      link.counts.bytesSwallowed += flows[direction].discard()
      swallow(direction)
    }
  }

  var isFrozen: Bool { hasClosed != nil }

  /// Both ends see a reset, in the middle of whatever they were sending.
  func reset() {
    guard !isClosed else { return }
    link.counts.resets += 1
    close(abruptly: true)
  }

  /// - Parameter abruptly: both ends see a reset, and what they have not been sent is lost.
  func close(abruptly: Bool) {
    guard !isClosed else { return }
    isClosed = true
    for direction in LinkDirection.allCases {
      link.loop.remove(senders[direction].token)
      Sockets.close(senders[direction].descriptor, abruptly: abruptly)
      _ = flows[direction].discard()
    }
    link.forget(self)
  }

  private func swallow(_ direction: LinkDirection) {
    var budget = LinkLimits.bytesInTurn
    while !isClosed, budget > 0 {
      switch senders[direction].receive(into: link.loop.scratch, atMost: budget) {
      case .bytes(let bytes):
        link.counts.bytesSwallowed += bytes.count
        budget -= bytes.count
      case .nothing: return
      case .end: return noteClosed(direction)
      }
    }
    resumeSoon(direction)
  }

  private func noteClosed(_ direction: LinkDirection) {
    hasClosed?[direction] = true
    if let hasClosed, hasClosed.toServer, hasClosed.toClient { close(abruptly: false) }
  }

  // MARK: Bytes

  /// Reads, sends and ends what can be by now.
  private func pump(_ direction: LinkDirection) {
    if isFrozen { return swallow(direction) }
    var budget = LinkLimits.bytesInTurn
    while !isClosed {
      let moved = read(direction) + sendOrEnterLine(direction)
      if moved == 0 { break }
      budget -= moved
      if budget <= 0 { return resumeSoon(direction) }
    }
    guard !isClosed else { return }
    passEnding(direction)
    if !isClosed { resumeWhenDue(direction) }
  }

  /// - Returns: how many bytes came.
  private func read(_ direction: LinkDirection) -> Int {
    let room = flows[direction].room(link.lanes[direction].condition)
    guard room > 0 else { return 0 }
    switch senders[direction].receive(into: link.loop.scratch, atMost: room) {
    case .nothing:
      return 0
    case .end(let ending):
      flows[direction].end(ending, link.lanes[direction].condition, at: .now)
      // Who is gone does not receive either.
      if ending == .reset { flows[direction.opposite].loseReceiver() }
      return 0
    case .bytes(let bytes):
      take(bytes, direction)
      return bytes.count
    }
  }

  private func take(_ bytes: UnsafeMutableRawBufferPointer, _ direction: LinkDirection) {
    let (flow, condition) = (flows[direction], link.lanes[direction].condition)
    let now = MonotonicInstant.now
    let (due, corrupted) = flow.arrive(bytes, condition, at: now)
    link.counts.bytesCorrupted += corrupted
    if due > now { link.counts.bytesDelayed += bytes.count }
    var rest = UnsafeRawBufferPointer(bytes)
    // What need not wait is not copied.
    if condition.isPrompt, due <= now, flow.waiting.isEmpty {
      while !rest.isEmpty, case let sent = write(rest, direction), sent > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[sent...])
      }
    }
    guard !isClosed else { return }
    flow.keep(rest, due: due)
    if condition.isCut { link.counts.bytesHeld += flow.hold() }
  }

  private func sendOrEnterLine(_ direction: LinkDirection) -> Int {
    let lane = link.lanes[direction]
    guard lane.condition.bytesPerSecond != nil else { return send(direction, atMost: .max) }
    if !isInLine[direction], canSend(direction) {
      isInLine[direction] = true
      lane.enter(self)
    }
    return 0
  }

  /// Its turn has come, or turns are no longer taken.
  func leftLine(_ direction: LinkDirection) {
    isInLine[direction] = false
    // Whatever is left then enters again, behind the others.
    resumeSoon(direction)
  }

  /// - Returns: how many of the bytes that are due have gone.
  func send(_ direction: LinkDirection, atMost limit: Int) -> Int {
    guard canSend(direction) else { return 0 }
    let flow = flows[direction]
    let allowed = min(limit, flow.waiting.countDue(at: .now))
    var total = 0
    while total < allowed {
      let sent = write(flow.waiting.first(allowed - total), direction)
      total += sent
      guard sent > 0, !isClosed else { break }
      flow.remove(sent)
    }
    return total
  }

  private func canSend(_ direction: LinkDirection) -> Bool {
    guard !isClosed, !isFrozen, !link.lanes[direction].condition.isCut, let due = flows[direction].waiting.due else {
      return false
    }
    return senders[direction.opposite].isWritable && due <= .now
  }

  /// - Returns: how many bytes the kernel took; none once the connection is closed.
  private func write(_ bytes: UnsafeRawBufferPointer, _ direction: LinkDirection) -> Int {
    let (flow, lane) = (flows[direction], link.lanes[direction])
    guard !isClosed, !flow.isReceiverGone else { return 0 }
    let allowed = lane.allowance(bytes.count)
    let part = UnsafeRawBufferPointer(rebasing: bytes[..<allowed])
    switch part.isEmpty ? .bytes(0) : senders[direction.opposite].send(part) {
    case .bytes(let count):
      link.counts.forwarded(count, direction)
      if lane.carried(count) { reset() }
      return count
    case .full:
      return 0
    case .broken:
      flow.loseReceiver()
      resumeSoon(direction.opposite)
      return 0
    }
  }

  private func passEnding(_ direction: LinkDirection) {
    let flow = flows[direction]
    guard !flow.isEnded, !link.lanes[direction].condition.isCut, let ending = flow.ending, ending.due <= .now else { return }
    if ending.kind == .reset { return close(abruptly: true) }
    guard isConnected, flow.waiting.isEmpty else { return }
    flow.isEnded = true
    if !flow.isReceiverGone { senders[direction.opposite].finish() }
    if flows[direction.opposite].isEnded { close(abruptly: false) }
  }
}
