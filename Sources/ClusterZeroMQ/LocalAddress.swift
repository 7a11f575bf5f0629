internal import Glibc
internal import ZeroMQ

/// By which of its addresses others know this machine.
enum LocalAddress {
  /// The address that this machine uses towards `peer`, in the form that an endpoint takes.
  ///
  /// Asks the routing table by connecting a UDP socket, which sends nothing.
  static func facing(_ peer: TCPEndpoint) throws(ZeroMQError) -> String {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let host = peer.isIPv6 ? String(peer.host.dropFirst().dropLast()) : peer.host
    guard getaddrinfo(host, String(peer.port), &hints, &found) == 0, let first = found else { throw unknown(peer) }
    defer { freeaddrinfo(found) }
    let descriptor = socket(first.pointee.ai_family, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { throw unknown(peer) }
    defer { close(descriptor) }
    guard connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else { throw unknown(peer) }

    var address = sockaddr_storage()
    var size = socklen_t(MemoryLayout.size(ofValue: address))
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let status = withUnsafeMutablePointer(to: &address) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(descriptor, address, &size) == 0
          && getnameinfo(address, size, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
      }
    }
    guard status else { throw unknown(peer) }
    let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return name.contains(":") ? "[\(name)]" : name
  }

  private static func unknown(_ peer: TCPEndpoint) -> ZeroMQError {
    ZeroMQError(
      code: "no-address", message: "cannot tell by which address \(peer.host) reaches this machine",
      advice: "bind to an address instead of to all of them")
  }
}
