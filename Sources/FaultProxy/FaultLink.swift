internal import Synchronization

/// A way between clients and a server, over TCP, that does to bytes and connections what bad networks do.
///
/// It listens on an address of its own, best one of 127.0.0.0/8, on the ports of the server, and forwards to the same ports
/// there; all of them share one condition. The server must not listen on 0.0.0.0, which takes the ports of all addresses.
/// Of loopback addresses, the server sees connections come from the link's address.
///
/// One thread serves all links of the process while there are any. Calls return when they have taken effect. Whatever is
/// random is a function of the seed, the port's and the connection's number, and the place in the stream.
package final class FaultLink: Sendable {
  package let name: String
  package let address: String
  package let server: String

  private enum State {
    case open(EventLoop, number: UInt64)
    case closed(LinkCounts)
  }

  private let state: Mutex<State>

  /// - Parameters:
  ///   - name: for messages.
  ///   - address: to listen on, such as "127.0.1.7".
  ///   - server: where the server is, such as "127.0.0.1".
  ///   - seed: of what is random.
  /// - Throws: `FaultProxyError`, `fault-proxy.not-an-address` or `.loops`.
  package init(name: String, address: String, server: String, seed: UInt64) throws {
    let (here, there) = (try HostAddress(address), try HostAddress(server))
    guard here != there else {
      throw FaultProxyError(
        code: "loops", message: "link \(name) would forward from \(address) to itself",
        advice: "give the link an address of its own, such as 127.0.1.1")
    }
    (self.name, self.address, self.server) = (name, address, server)
    let (loop, number) = try SharedEventLoop.join()
    state = Mutex(.open(loop, number: number))
    loop.perform { loop in
      loop[link: number] = Link(name: name, address: here, server: there, seed: seed, loop: loop)
    }
  }

  deinit {
    close()
  }

  /// Listens on `port` of the link's address and forwards to the same port of the server. A port that is open stays so.
  ///
  /// - Throws: `FaultProxyError`, `fault-proxy.no-port`, `.address-in-use`, `.address-not-here`, `.forbidden`,
  ///   `.too-many-open` or `.closed`.
  package func open(port: UInt16) throws {
    let result: Result<Void, FaultProxyError>? = perform { link in
      Result { () throws(FaultProxyError) in try link.open(port: port) }
    }
    guard let result else {
      throw FaultProxyError(code: "closed", message: "link \(name) has been closed", advice: "make a new one")
    }
    try result.get()
  }

  /// Bytes that wait already take no longer than they would under the new condition.
  package func set(_ condition: LinkCondition, _ direction: LinkDirection) {
    perform { $0.set(condition, direction) }
  }

  /// Resets (RST) every connection in the middle of whatever it carries. New ones are taken.
  package func reset() {
    perform { $0.reset() }
  }

  /// Makes the connections that exist half-open for good: the bytes of either side vanish, and the closing of one side is not
  /// told to the other, until `heal()` or until both have closed. New connections work.
  package func freezeConnections() {
    perform { $0.freezeConnections() }
  }

  /// After so many more bytes in that direction, of whichever connections, the one that carries the last of them is reset.
  /// Zero: whichever carries the next byte is reset before it.
  package func resetAfter(bytes: Int, _ direction: LinkDirection) {
    perform { $0.reset(after: bytes, direction) }
  }

  /// New connections are refused until `false`. The ports stay the link's own.
  package func refuse(_ isRefusing: Bool) {
    perform { $0.refuse(isRefusing) }
  }

  /// Back to clear: no condition, no reset to come, not refusing. Bytes that wait go at once. Frozen connections are reset, so
  /// that both ends notice.
  package func heal() {
    perform { $0.heal() }
  }

  /// Also after `close()`.
  package var counts: LinkCounts {
    if let counts = perform({ $0.currentCounts }) { return counts }
    return state.withLock { if case .closed(let counts) = $0 { counts } else { LinkCounts() } }
  }

  /// Resets what connections there are and gives the ports back. A second call does nothing.
  package func close() {
    state.withLock { state in
      guard case .open(let loop, let number) = state else { return }
      state = .closed(
        loop.perform { loop in
          defer { loop[link: number] = nil }
          loop[link: number]?.close()
          return loop[link: number]?.currentCounts ?? LinkCounts()
        })
      SharedEventLoop.leave()
    }
  }

  /// - Returns: nil once closed.
  @discardableResult
  private func perform<Answer: Sendable>(_ body: @escaping @Sendable (Link) -> Answer) -> Answer? {
    state.withLock { state in
      guard case .open(let loop, let number) = state else { return nil }
      return loop.perform { loop in loop[link: number].map(body) }
    }
  }
}
