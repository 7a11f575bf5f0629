internal import Rollout
internal import Wire

/// Messages and connections: order within a connection, loss of what was under way when one breaks, silence behind a
/// cut, bounded queues.
extension Simulation {
  func addConnection(_ plane: Plane, client: Int, server: Int) -> Int {
    connections.append(Connection(plane: plane, client: client, server: server))
    return connections.count - 1
  }

  // MARK: Sending

  /// - Parameters:
  ///   - isForward: from the one that opened the connection.
  ///   - size: bytes that it counts for on a link; nil: those that it has.
  ///   - content: what the bytes were made from.
  func send(_ frame: consuming Frame, of content: consuming Letter.Message? = nil, by index: Int, isForward: Bool, size: Double? = nil) {
    tally.messages += 1
    let (client, server) = (connections[index].client, connections[index].server)
    let (sender, receiver) = isForward ? (client, server) : (server, client)
    let size = size ?? Double(frame.header.count + (frame.payload?.count ?? 0))
    tally.bytes += size
    if sender == 0 { bytesFromLearner += size }
    if processes[sender].resetsNext {
      processes[sender].resetsNext = false
      fire(.reset)
      return breakConnection(index)
    }
    let letter = Letter(frame: consume frame, content: consume content, number: processes[client].connectionNumber, size: size)
    guard connections[index].isUp else {
      // A ROUTER knows no peer that is not connected, and a PUB has no subscriber.
      return isForward ? wait(letter, on: index, isForward) : ()
    }
    if processes[sender].outward.swallows > 0 || processes[receiver].inward.swallows > 0 { return fire(.halfOpen) }
    if processes[sender].outward.cuts > 0 || processes[receiver].inward.cuts > 0 {
      fireCut(sender, receiver)
      return wait(letter, on: index, isForward)
    }
    dispatch(letter, on: index, isForward, sender, receiver)
  }

  private func wait(_ letter: Letter, on index: Int, _ isForward: Bool) {
    let sender = isForward ? connections[index].client : connections[index].server
    let shortened = processes[sender].outward.highWaterMark
    let bound = shortened ?? options.highWaterMark
    let waiting = isForward ? connections[index].forward.waiting.count : connections[index].backward.waiting.count
    guard waiting < bound else { return fire(.highWaterMark) }
    if isForward { connections[index].forward.waiting.append(letter) } else { connections[index].backward.waiting.append(letter) }
  }

  private func dispatch(_ letter: Letter, on index: Int, _ isForward: Bool, _ sender: Int, _ receiver: Int) {
    let costs = options.costs
    var at = now.nanoseconds
    let outwardSlowness = processes[sender].outward.slowness
    let inwardSlowness = processes[receiver].inward.slowness
    let bytesPerSecond = costs.linkBytesPerSecond / max(outwardSlowness, inwardSlowness)
    if max(outwardSlowness, inwardSlowness) > 1 { fire(.slowLink) }
    let transfer = UInt64(letter.size / bytesPerSecond * 1e9)
    if letter.size > Self.bulkSize {
      // What is large shares the link; what is small slips through between.
      at = max(at, processes[sender].outward.freeAt) + transfer
      processes[sender].outward.freeAt = at
      at = max(at, processes[receiver].inward.freeAt + transfer)
      processes[receiver].inward.freeAt = at
    } else {
      at += transfer
    }
    var delay = costs.latency + costs.jitter * processes[sender].random.uniform()
    let extra = processes[sender].outward.delay + processes[receiver].inward.delay
    if extra > 0 {
      delay += extra * processes[sender].random.uniform()
      fire(.delay)
    }
    at += UInt64(delay * 1e9)
    if letter.size > Self.bulkSize, options.piecesStandForMany {
      // Its parts are requested one after the other, and what is small comes between them.
    } else if isForward {
      at = max(at, connections[index].forward.lastArrival)
      connections[index].forward.lastArrival = at
    } else {
      at = max(at, connections[index].backward.lastArrival)
      connections[index].backward.lastArrival = at
    }
    let epoch = connections[index].epoch
    queue.post(
      .arrival(connection: index, isForward: isForward, epoch: epoch, letter), at: Instant(nanoseconds: at))
    guard !processes[sender].outward.isPlain || !processes[receiver].inward.isPlain else { return }
    disturb(letter, on: index, isForward, sender, receiver, at)
  }

  private static var bulkSize: Double { 4096 }

  /// Bytes of what is fetched, in a model of the stated size.
  func bulk(of fetch: Fetch) -> Double {
    if options.startsWithWeights, newestVersion == 0 { return 0 }
    let share = Double(fetch.count) / Double(SimulatedPolicy.byteCount) * options.costs.modelBytes
    guard case .delta = fetch.source, let deltaShare = options.costs.deltaShare,
      let count = learner?.weights.newest.delta?.byteCount
    else { return share }
    return Double(fetch.count) / Double(count) * options.costs.modelBytes * deltaShare
  }

  private func fireCut(_ sender: Int, _ receiver: Int) {
    for kind in [processes[sender].cutKind, processes[receiver].cutKind].compactMap({ $0 }) { fire(kind) }
  }

  // MARK: Connections

  /// What is under way is lost, whatever has not been sent waits for the next connection where the sender keeps it.
  ///
  /// - Parameters:
  ///   - isLate: what was under way comes after all, later than what the next connection brings.
  ///   - pause: until it is tried again.
  func breakConnection(_ index: Int, isLate: Bool = false, pause: Double? = nil) {
    connections[index].lateEpoch = isLate ? connections[index].epoch : nil
    connections[index].epoch += 1
    connections[index].isUp = false
    connections[index].backward.waiting = []
    connections[index].forward.lastArrival = 0
    connections[index].backward.lastArrival = 0
    let client = connections[index].client
    let jitter = processes[client].random.uniform(0.5, 1.5)
    post(.connect(connection: index, epoch: connections[index].epoch), after: (pause ?? options.reconnect) * jitter)
  }

  /// All connections of a process.
  func connections(of process: Int) -> [Int] {
    if process == 0 { return connections.indices.filter { connections[$0].server == 0 } }
    let own = [processes[process].control, processes[process].broadcast, processes[process].scored].filter { $0 >= 0 }
    return own + connections.indices.filter { connections[$0].plane == .groups && (connections[$0].client == process || connections[$0].server == process) }
  }

  /// Those that a process has made.
  func connectAnew(_ process: Int) {
    for index in connections(of: process) where connections[index].client == process && connections[index].isUp {
      breakConnection(index)
    }
  }

  func connect(_ index: Int, _ epoch: UInt32) {
    guard connections[index].epoch == epoch, !connections[index].isUp else { return }
    let (client, server) = (connections[index].client, connections[index].server)
    // A process that starts again opens its connections itself.
    guard processes[client].isUp else { return }
    func again() { post(.connect(connection: index, epoch: epoch), after: options.reconnect * processes[client].random.uniform(0.5, 1.5)) }
    if processes[client].lacksDescriptors > 0 || processes[server].lacksDescriptors > 0 {
      fire(.descriptors)
      return again()
    }
    guard processes[server].isUp, processes[server].pauses == 0, !isCut(client, server) else { return again() }
    connections[index].isUp = true
    if connections[index].plane == .control { processes[client].connectionNumber += 1 }
    flush(index)
  }

  private func isCut(_ first: Int, _ second: Int) -> Bool {
    let (a, b) = (processes[first], processes[second])
    return a.outward.cuts + a.inward.cuts + b.outward.cuts + b.inward.cuts > 0
  }

  /// Sends what has waited.
  func flush(_ index: Int) {
    guard connections[index].isUp else { return }
    for isForward in [true, false] {
      let letters = isForward ? connections[index].forward.waiting : connections[index].backward.waiting
      guard !letters.isEmpty else { continue }
      if isForward { connections[index].forward.waiting = [] } else { connections[index].backward.waiting = [] }
      for letter in letters { send(letter.frame, of: letter.content, by: index, isForward: isForward, size: letter.size) }
    }
  }

  // MARK: Arriving

  func arrive(_ letter: Letter, by index: Int, isForward: Bool, epoch: UInt32) throws {
    let (client, plane) = (connections[index].client, connections[index].plane)
    let receiver = isForward ? connections[index].server : client
    guard epoch == connections[index].epoch || epoch == Self.everyEpoch else {
      if epoch == connections[index].lateEpoch {
        fire(.reorder)
        post(
          .arrival(connection: index, isForward: isForward, epoch: Self.everyEpoch, letter),
          after: processes[receiver].random.uniform(0.5, 4))
      }
      return
    }
    guard processes[receiver].isUp else { return }
    if isHeldUp(receiver, by: .arrival(connection: index, isForward: isForward, epoch: epoch, letter)) { return }
    note(letter.frame)
    if receiver == 0 {
      try arriveAtLearner(letter, from: client, by: plane)
    } else if processes[receiver].visitor != nil {
      arriveAtVisitor(letter.frame, receiver)
    } else if processes[receiver].role == .worker {
      try arriveAtWorker(letter, receiver, by: plane)
    } else {
      try arriveAtScorer(letter, receiver, from: client, by: plane)
    }
  }

  /// Of what comes whatever became of its connection.
  static var everyEpoch: UInt32 { .max }

  /// - Returns: nil if that connection is no more.
  func process(of peer: PeerID) -> Int? {
    let (process, number) = lastNumbers(in: peer.connection)
    guard processes.indices.contains(process), number == processes[process].connectionNumber else { return nil }
    return process
  }

  /// Of PROCESS.NUMBER or tcp://PROCESS:NUMBER. Read by hand, because most messages go through here.
  func lastNumbers(in text: String) -> (Int, Int) {
    var numbers = (0, 0)
    for byte in text.utf8 {
      if UInt8(ascii: "0") <= byte, byte <= UInt8(ascii: "9") {
        numbers.1 = numbers.1 &* 10 &+ Int(byte &- UInt8(ascii: "0"))
      } else {
        numbers = (numbers.1, 0)
      }
    }
    return numbers
  }
}
