/// Draws of the simulation: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), a few nanoseconds each.
///
/// Everything that is drawn has a stream of its own (a link, the plan, an engine's job), so that taking one fault out of
/// a plan leaves the draws of all the others as they were.
struct SimulationRandom: Sendable {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// A stream for one purpose.
  init(seed: UInt64, stream: UInt64, _ index: UInt64 = 0) {
    var mixer = SimulationRandom(seed: seed ^ (stream &* 0xd129_0d3b_3f4a_5b1d))
    let first = mixer.next()
    self.init(seed: first ^ (index &* 0x9e6c_63d0_876a_46ad))
    _ = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }

  /// In [0, 1).
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// In 0 ..< `bound`; 0 if there is nothing to choose from.
  mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(next() % UInt64(bound)) : 0 }

  mutating func chance(_ probability: Double) -> Bool { probability > 0 && uniform() < probability }
}

/// The 64-bit hash over what happened: a multiply and a shift for each word, so that it can take every byte of every
/// message. It tells two runs apart; it is no defence against anyone.
struct TraceHash: Sendable {
  private(set) var value: UInt64 = 0x9ae1_6a3b_2f90_404f

  mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* 0x9fb2_1c65_1e98_df25
    value ^= value >> 32
  }

  mutating func mix(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while offset + 8 <= bytes.count {
      mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    var tail = UInt64(bytes.count)
    while offset < bytes.count {
      tail = tail << 8 | UInt64(bytes[offset])
      offset += 1
    }
    mix(tail)
  }
}
