internal import CLinux
internal import Glibc

/// One port of a link: takes connections and hands them to the link.
final class Listener: Polled, Resumable {
  /// How many ports the link had before.
  let number: Int
  let port: UInt16
  private unowned let link: Link
  private let descriptor: Int32
  private var token: UInt64 = 0
  private var isClosed = false
  private var taken = 0

  init(number: Int, port: UInt16, link: Link) throws(FaultProxyError) {
    (self.number, self.port, self.link) = (number, port, link)
    descriptor = try Sockets.listening(on: link.address, port: port)
    token = link.loop.add(descriptor, EPOLLIN.rawValue, self, tag: 0)
  }

  /// While it refuses, the kernel answers with RST. The port stays the link's own.
  func refuse(_ isRefusing: Bool) {
    if isRefusing {
      // Of a listening socket, this ends the listening and nothing else.
      _ = shutdown(descriptor, Int32(SHUT_RD))
    } else {
      _ = listen(descriptor, LinkLimits.backlog)
      link.loop.rearm(descriptor, EPOLLIN.rawValue, token)
    }
  }

  /// Whether the packets of handshakes are lost.
  func loseHandshakes(_ areLost: Bool) {
    // Letting go of a filter that is not there fails, and nothing is to be done about it.
    _ = set_drops_packets(descriptor, areLost ? 1 : 0)
  }

  func ready(_ events: UInt32, tag: Int) {
    resume(tag: tag)
  }

  func resume(tag: Int) {
    guard !isClosed, !link.isRefusing else { return }
    for _ in 0..<LinkLimits.connectionsInTurn {
      let client = accept_nonblocking(descriptor)
      if client >= 0 {
        link.take(client, from: self, number: taken)
        taken += 1
        continue
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      // No new event comes for those that wait already.
      case EMFILE, ENFILE, ENOBUFS, ENOMEM:
        return link.loop.resume(self, tag: tag, at: .now + LinkLimits.pauseWithoutDescriptors)
      default: return
      }
    }
    link.loop.resumeSoon(self, tag: tag)
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    link.loop.remove(token)
    Sockets.close(descriptor)
  }
}
