/// A stream of random numbers fixed by a seed and by what it is for, so that row 17 is the same row whatever was drawn
/// for the rows before it. SplitMix64 (Steele, Lea, Flood 2014); integers and IEEE arithmetic only, so that every
/// machine draws the same.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  /// - Parameters:
  ///   - purpose: keeps streams of different use apart under one seed.
  ///   - index: which of the streams of that use.
  init(seed: UInt64, purpose: Purpose, index: Int) {
    state = Self.mix(Self.mix(Self.mix(seed) ^ purpose.rawValue) ^ UInt64(truncatingIfNeeded: index))
  }

  enum Purpose: UInt64 {
    case scene = 1
    case picture
    case question
    case trace
    case labelledTrace
    case trainTraceOrder
    case heldOutTraceOrder
    case basics
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  mutating func unit() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Uniform in the range.
  mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * unit()
  }

  /// Uniform over `0..<count`.
  mutating func below(_ count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  mutating func chance(_ probability: Double) -> Bool {
    unit() < probability
  }

  mutating func element<T>(of choices: [T]) -> T {
    choices[below(choices.count)]
  }

  mutating func shuffled<T>(_ items: [T]) -> [T] {
    var items = items
    for last in stride(from: items.count - 1, to: 0, by: -1) { items.swapAt(last, below(last + 1)) }
    return items
  }

  /// An index drawn with the given weights, which need not sum to 1.
  mutating func index(weights: [Double]) -> Int {
    var rest = unit() * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return index }
    }
    return weights.count - 1
  }

  /// Close to a normal deviate of mean 0 and standard deviation 1: the sum of eight uniform bytes. No logarithm or
  /// cosine, whose last bits differ between C libraries.
  mutating func normal() -> Double {
    // Sum of the bytes of a word by pairwise addition.
    var sum = next()
    sum = (sum & 0x00FF_00FF_00FF_00FF) &+ ((sum >> 8) & 0x00FF_00FF_00FF_00FF)
    let total = (sum &* 0x0001_0001_0001_0001) >> 48
    // Mean 8 * 127.5, variance 8 * (256 * 256 - 1) / 12 = 43690.
    return (Double(total) - 1020) / 209.021_530_0
  }
}
