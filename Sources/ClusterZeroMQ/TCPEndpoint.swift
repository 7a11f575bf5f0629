internal import ZeroMQ

/// `tcp://HOST:PORT`, the only form of endpoint that is taken from a user or a peer.
struct TCPEndpoint: Hashable, CustomStringConvertible {
  let host: String
  let port: UInt16

  init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  init(_ text: String) throws(ZeroMQError) {
    let rest = text.dropFirst("tcp://".count)
    guard text.hasPrefix("tcp://"), let colon = rest.lastIndex(of: ":"), colon > rest.startIndex,
      let port = UInt16(rest[rest.index(after: colon)...]), rest.count <= 256,
      rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ";") })
    else {
      throw ZeroMQError(
        code: "bad-endpoint", message: "\(text.debugDescription) is not an endpoint",
        advice: "write endpoints as tcp://HOST:PORT")
    }
    self.init(host: String(rest[..<colon]), port: port)
  }

  var description: String { "tcp://\(host):\(port)" }

  func with(port: UInt16) -> TCPEndpoint { TCPEndpoint(host: host, port: port) }

  func with(host: String) -> TCPEndpoint { TCPEndpoint(host: host, port: port) }

  var isIPv6: Bool { host.hasPrefix("[") }

  /// Whether it stands for every address of the machine, and so cannot be told to others.
  var isWildcard: Bool { ["0.0.0.0", "*", "[::]"].contains(host) }
}
