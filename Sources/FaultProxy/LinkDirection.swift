/// Which way bytes go.
package enum LinkDirection: String, Sendable, Hashable, CaseIterable, Codable {
  case toServer, toClient

  var opposite: LinkDirection { self == .toServer ? .toClient : .toServer }

  /// What tells the event loop which direction a call is about.
  var tag: Int { self == .toServer ? 0 : 1 }

  init(tag: Int) {
    self = tag == 0 ? .toServer : .toClient
  }
}

/// One of each direction.
struct BothDirections<Value> {
  var toServer: Value
  var toClient: Value

  subscript(direction: LinkDirection) -> Value {
    _read { if direction == .toServer { yield toServer } else { yield toClient } }
    _modify { if direction == .toServer { yield &toServer } else { yield &toClient } }
  }
}
