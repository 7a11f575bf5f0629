internal import CZeroMQ

/// What a socket is for; it decides at compile time what may be done with it.
package protocol SocketPattern: SendableMetatype {
  /// libzmq's number for it.
  static var type: Int32 { get }
  /// Whether messages arrive at such a socket.
  static var receives: Bool { get }
  /// The pattern at the other end of a connection.
  associatedtype Peer: SocketPattern
}

/// Patterns whose sockets send.
package protocol SendingPattern: SocketPattern {}
/// Patterns whose sockets receive.
package protocol ReceivingPattern: SocketPattern {}

extension SocketPattern {
  package static var receives: Bool { false }
}

extension ReceivingPattern {
  package static var receives: Bool { true }
}

/// Sends each message to one of the connected pullers; holds on to it while none can take it.
package enum Push: SendingPattern {
  package static let type = ZMQ_PUSH
  package typealias Peer = Pull
}

/// Receives from all connected pushers in fair turns.
package enum Pull: ReceivingPattern {
  package static let type = ZMQ_PULL
  package typealias Peer = Push
}

/// The asking side of a control connection.
package enum Dealer: SendingPattern, ReceivingPattern {
  package static let type = ZMQ_DEALER
  package typealias Peer = Router
}

/// The answering side: a received message begins with the routing id of its sender, a sent one with that of its target.
package enum Router: SendingPattern, ReceivingPattern {
  package static let type = ZMQ_ROUTER
  package typealias Peer = Dealer
}

/// Sends each message to every subscriber that asked for its beginning; drops it for those who are too slow.
package enum Publish: SendingPattern {
  package static let type = ZMQ_PUB
  package typealias Peer = Subscribe
}

/// Receives what it subscribed to.
package enum Subscribe: ReceivingPattern {
  package static let type = ZMQ_SUB
  package typealias Peer = Publish
}

/// One to one inside the process: socket events are reported over it.
package enum Pair: SendingPattern, ReceivingPattern {
  package static let type = ZMQ_PAIR
  package typealias Peer = Pair
}
