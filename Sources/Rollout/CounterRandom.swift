/// Random numbers that depend on what they are for and on nothing else: Philox4x32-10 (Salmon et al., SC 2011) keyed by
/// the run's seed, with the counter made of epoch, prompt, sample and position.
///
/// Whoever draws the number for a position, in whatever order and however often, draws the same one. That is what
/// makes a lease that is issued again produce the same group.
package struct CounterRandom: Sendable, Hashable {
  package let seed: UInt64
  package let epoch: UInt32
  package let prompt: UInt32
  package let sample: UInt32

  package init(seed: UInt64, epoch: UInt32, prompt: UInt32, sample: UInt32) {
    self.seed = seed
    self.epoch = epoch
    self.prompt = prompt
    self.sample = sample
  }

  /// - Returns: uniform in [0, 1), a multiple of 2^-53.
  package func uniform(at position: UInt32) -> Double {
    Double(bits(at: position) >> 11) * 0x1p-53
  }

  /// - Returns: 64 independent bits.
  package func bits(at position: UInt32) -> UInt64 {
    let block = Self.philox(
      counter: (epoch, prompt, sample, position), key: (UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)))
    return UInt64(block.0) << 32 | UInt64(block.1)
  }

  /// Ten rounds of Philox4x32.
  static func philox(
    counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let left = c0.multipliedFullWidth(by: 0xD251_1F53)
      let right = c2.multipliedFullWidth(by: 0xCD9E_8D57)
      (c0, c1, c2, c3) = (right.high ^ c1 ^ k0, right.low, left.high ^ c3 ^ k1, left.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }
}

/// A permutation of `0..<count` that depends on seed and epoch alone (Fisher-Yates over counter-based draws).
package func shuffledOrder(count: Int, seed: UInt64, epoch: UInt32) -> [UInt32] {
  var order = (0..<UInt32(count)).map { $0 }
  let random = CounterRandom(seed: seed, epoch: epoch, prompt: .max, sample: .max)
  for last in stride(from: count - 1, to: 0, by: -1) {
    let chosen = Int(random.bits(at: UInt32(last)).multipliedFullWidth(by: UInt64(last + 1)).high)
    order.swapAt(last, chosen)
  }
  return order
}
