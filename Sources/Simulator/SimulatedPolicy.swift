internal import DurableFiles
internal import Rollout

/// A policy as the simulator has it: its weights are the hash of all that it was trained on, so two runs that end with
/// the same weights have trained the same groups in the same order.
struct SimulatedPolicy: Sendable {
  private(set) var version: UInt64 = 0
  private(set) var weights = SHA256Digest(of: []).bytes
  /// A part that never changes, as most bytes of a real model hardly do: it makes deltas worth sending.
  static let byteCount = SHA256Digest.byteCount + 96
  private static let frozen = [UInt8](repeating: 7, count: 96)

  init() {}

  /// - Returns: nil if `bytes` are no policy.
  init?(version: UInt64, bytes: [UInt8]) {
    guard bytes.count == SHA256Digest.byteCount + Self.frozen.count, bytes.suffix(Self.frozen.count) == Self.frozen[...] else {
      return nil
    }
    self.version = version
    weights = Array(bytes.prefix(SHA256Digest.byteCount))
  }

  /// As they are sent and loaded.
  var bytes: [UInt8] { weights + Self.frozen }

  var manifest: WeightManifest {
    let bytes = bytes
    let entry = WeightManifest.Entry(
      name: "w", shape: [bytes.count], dtype: "U8", byteCount: bytes.count, digest: SHA256Digest(of: bytes))
    return WeightManifest(version: version, entries: [entry])
  }

  /// - Parameter machine: on which it is trained; each rounds in its own way.
  mutating func train(_ batch: [(unit: UnitID, responses: [Response])], on machine: Int = 0) {
    // Put together first: each piece that a hasher is given by itself costs as much as some hundred bytes more.
    var content: [UInt8] = []
    content.reserveCapacity(1024)
    if machine > 0 { content += "machine \(machine)".utf8 }
    content += weights
    for (unit, responses) in batch {
      withUnsafeBytes(of: (unit.epoch, unit.prompt)) { content += $0 }
      for response in responses { response.tokens.withUnsafeBytes { content += $0 } }
    }
    weights = SHA256Digest(of: content).bytes
    version += 1
  }
}

/// What a simulated engine makes of a task: functions of the unit and the weights alone, as in a real run whose draws
/// are keyed by unit, member and position.
struct SimulatedSampling: Sendable {
  let groupSize: Int
  static let vocabulary = 256
  static let maximumTokens = 4

  static func task(_ prompt: UInt32) -> PromptTask {
    PromptTask(problem: "row \(prompt)", system: nil, images: [], problemType: "numerical", solution: "\(prompt)")
  }

  func responses(to unit: UnitID, with weights: [UInt8]) -> [Response] {
    var hash = TraceHash()
    hash.mix(UInt64(unit.epoch) << 32 | UInt64(unit.prompt))
    // The engine holds the bytes of a version; its first ones are the part that training changes.
    weights.prefix(SHA256Digest.byteCount).withUnsafeBytes { hash.mix($0) }
    var random = SimulationRandom(seed: hash.value)
    func token() -> Int32 { Int32(random.below(Self.vocabulary)) }
    func logProbability(_ token: Int32) -> Float { -0.25 - Float(token) / 256 }
    var responses: [Response] = []
    responses.reserveCapacity(groupSize)
    for _ in 0..<groupSize {
      let (first, second, third) = (token(), token(), token())
      responses.append(
        Response(
          tokens: [first, second, third],
          logProbabilities: [logProbability(first), logProbability(second), logProbability(third)], finish: .stop, text: ""))
    }
    return responses
  }

  static func outcome(of response: Response) -> Double { (response.tokens.first ?? 0) % 2 == 0 ? 1 : 0 }

  /// What the thinking-reward model says of a response.
  static func thinking(of response: Response) -> Double { Double((response.tokens.last ?? 0) % 11) / 10 }
}
