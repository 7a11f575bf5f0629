extension Stage {
  /// Begins a fault of the network on links or hosts.
  ///
  /// - Returns: what ends it and says what it did.
  func networkFault(_ fault: Fault, as number: Int) throws -> @Sendable () -> Proof {
    if let links { return LinkFaults(links: links).begin(fault, as: number) }
    guard let hosts else { return { .missing("there is no network to disturb") } }
    return try hosts.begin(fault, as: number)
  }
}
