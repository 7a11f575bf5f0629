package import Rollout

/// A message as it crosses a transport: the message encoded, and bytes beside it that are not copied into it.
package struct Frame: Sendable, Hashable {
  package var header: [UInt8]
  package var payload: Payload?

  package init(_ header: [UInt8], _ payload: Payload? = nil) {
    self.header = header
    self.payload = payload
  }

  package var byteCount: Int { header.count + (payload?.count ?? 0) }
}

extension Frame: ExpressibleByArrayLiteral {
  package init(arrayLiteral header: UInt8...) {
    self.init(header)
  }
}
