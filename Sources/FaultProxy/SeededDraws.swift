/// Random numbers as a function of where they are used: no state, so the order of events does not matter.
struct SeededDraws: Equatable {
  enum Purpose: UInt64 {
    case jitter = 1, corruptsBlock, corruptedByte, corruptedBits
  }

  private let key: UInt64

  /// - Parameter path: what the draws are for, from coarse to fine, such as port, connection and direction.
  init(seed: UInt64, path: [UInt64] = []) {
    key = path.reduce(Self.mix(seed)) { Self.mix($0 ^ Self.mix($1)) }
  }

  /// Any of the 2^64 words, each as likely.
  func word(_ purpose: Purpose, _ counter: UInt64) -> UInt64 {
    Self.mix(Self.mix(key ^ purpose.rawValue) &+ counter &* 0x9E37_79B9_7F4A_7C15)
  }

  /// At least 0 and below 1.
  func fraction(_ purpose: Purpose, _ counter: UInt64) -> Double {
    Double(word(purpose, counter) >> 11) * 0x1p-53
  }

  /// The finalizer of SplitMix64, with its increment.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
