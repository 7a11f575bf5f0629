internal import Glibc

/// A link as the event loop's thread sees it: its ports, its connections and what is done to them.
final class Link {
  let name: String
  let address: HostAddress
  let lanes: BothDirections<Lane>
  let loop: EventLoop
  var counts = LinkCounts()
  private(set) var isRefusing = false
  private let server: HostAddress
  private let seed: UInt64
  private var listeners: [Listener] = []
  /// In the order in which they came, so that faults hit them in that order.
  private var connections: [Connection] = []

  init(name: String, address: HostAddress, server: HostAddress, seed: UInt64, loop: EventLoop) {
    self.name = name
    self.address = address
    self.server = server
    self.seed = seed
    self.loop = loop
    lanes = BothDirections(toServer: Lane(.toServer, on: loop), toClient: Lane(.toClient, on: loop))
  }

  func open(port: UInt16) throws(FaultProxyError) {
    guard port != 0 else {
      throw FaultProxyError(
        code: "no-port", message: "link \(name) cannot listen on port 0: the server's port must be known",
        advice: "let the server bind first and pass the port that it got")
    }
    guard !listeners.contains(where: { $0.port == port }) else { return }
    let listener = try Listener(number: listeners.count, port: port, link: self)
    listeners.append(listener)
    if isRefusing { listener.refuse(true) }
    listener.loseHandshakes(isCut)
  }

  func take(_ client: Int32, from listener: Listener, number: Int) {
    counts.connections += 1
    Sockets.sendAtOnce(client)
    guard let descriptor = Sockets.connecting(to: server, port: listener.port, from: address) else {
      counts.withoutServer += 1
      return Sockets.close(client, abruptly: true)
    }
    let path = [UInt64(listener.number), UInt64(number)]
    let draws = BothDirections(
      toServer: SeededDraws(seed: seed, path: path + [0]), toClient: SeededDraws(seed: seed, path: path + [1]))
    connections.append(Connection(client: client, server: descriptor, draws: draws, link: self))
  }

  func forget(_ connection: Connection) {
    connections.removeAll { $0 === connection }
  }

  // MARK: Faults

  func set(_ condition: LinkCondition, _ direction: LinkDirection) {
    let wasCut = isCut
    lanes[direction].set(condition)
    for connection in connections { connection.conditionChanged(direction) }
    if isCut != wasCut { for listener in listeners { listener.loseHandshakes(isCut) } }
  }

  func reset() {
    for connection in connections { connection.reset() }
  }

  func freezeConnections() {
    for connection in connections { connection.freeze() }
  }

  func reset(after bytes: Int, _ direction: LinkDirection) {
    lanes[direction].reset(after: bytes)
  }

  func refuse(_ isRefusing: Bool) {
    guard isRefusing != self.isRefusing else { return }
    self.isRefusing = isRefusing
    if isRefusing { counts.refused += 1 }
    for listener in listeners { listener.refuse(isRefusing) }
  }

  func heal() {
    for direction in LinkDirection.allCases {
      lanes[direction].reset(after: nil)
      set(.clear, direction)
    }
    refuse(false)
    for connection in connections where connection.isFrozen { connection.reset() }
  }

  func close() {
    for listener in listeners { listener.close() }
    for connection in connections { connection.close(abruptly: true) }
    listeners = []
  }

  var currentCounts: LinkCounts {
    var counts = counts
    counts.pausesForRate = lanes.toServer.pauses + lanes.toClient.pauses
    return counts
  }

  private var isCut: Bool { lanes.toServer.condition.isCut || lanes.toClient.condition.isCut }
}
