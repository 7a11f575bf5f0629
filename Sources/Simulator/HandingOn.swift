extension Array {
  /// Hands the elements on in their order, each as the taker's own. A loop would copy them out of the array, with all that
  /// they hold.
  consuming func handOn(to take: (consuming Element) throws -> Void) rethrows {
    reverse()
    while let element = popLast() { try take(consume element) }
  }
}
