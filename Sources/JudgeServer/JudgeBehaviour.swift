/// What a judge does with a request.
package enum JudgeBehaviour: Sendable, Hashable {
  /// Answers as it should, with this text or, if nil, with the score in the form that was asked for.
  case answer(text: String? = nil)
  case refuse(status: Int, retryAfter: Int? = nil)
  /// Answers 200 with something that is no JSON.
  case garbage
  /// Says nothing until the client gives up.
  case hang
  /// Sends its answer byte by byte, this many milliseconds apart.
  case drip(milliseconds: Int)
  /// Closes the connection in the middle of the answer.
  case breakOff
  /// Answers after so long.
  case late(milliseconds: Int)

  /// For counting.
  package var name: String {
    switch self {
    case .answer(nil): "answered"
    case .answer(let text?): "answered \(text)"
    case .refuse(let status, let retryAfter): "HTTP \(status)\(retryAfter == nil ? "" : " with Retry-After")"
    case .garbage: "garbage"
    case .hang: "silent"
    case .drip: "byte by byte"
    case .breakOff: "broken off"
    case .late: "late"
    }
  }
}

/// A seeded draw of behaviours for a judge that is to be served badly.
package struct JudgeMischief: Sendable {
  private var state: UInt64
  private let share: Double

  /// - Parameter share: of requests that are not answered as they should be, from 0 to 1.
  package init(share: Double, seed: UInt64) {
    self.share = share
    state = seed &+ 0x9E37_79B9_7F4A_7C15
  }

  /// Every kind is as likely as any other.
  package mutating func next() -> JudgeBehaviour {
    guard uniform() < share else { return .answer() }
    let kinds: [JudgeBehaviour] = [
      .refuse(status: 429, retryAfter: 1), .refuse(status: 429), .refuse(status: 500), .refuse(status: 503), .garbage, .hang,
      .drip(milliseconds: 200), .breakOff, .late(milliseconds: 700), .answer(text: "1.7"), .answer(text: "NaN"),
      .answer(text: "I would rather not say."),
    ]
    return kinds[Int(uniform() * Double(kinds.count))]
  }

  /// SplitMix64.
  private mutating func uniform() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }
}
