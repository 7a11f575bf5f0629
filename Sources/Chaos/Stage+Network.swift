extension Stage {
  /// Begins a fault of the network on links or hosts.
  ///
  /// - Returns: what ends it and says what it did.
  func networkFault(_ fault: Fault, as number: Int) async throws -> @Sendable () async -> Proof {
    guard let links else { return { .missing("there are no links") } }
    let end = LinkFaults(links: links).begin(fault, as: number)
    return { end() }
  }
}
