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
    for group in batch.indices {
      withUnsafeBytes(of: (batch[group].unit.epoch, batch[group].unit.prompt)) { content += $0 }
      for member in batch[group].responses.indices {
        batch[group].responses[member].tokens.withUnsafeBytes { content += $0 }
      }
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
    var random = draws(for: unit, with: weights)
    var responses: [Response] = []
    responses.reserveCapacity(groupSize)
    for _ in 0..<groupSize {
      let (first, second, third) = (Self.token(&random), Self.token(&random), Self.token(&random))
      responses.append(
        Response(
          tokens: [first, second, third],
          logProbabilities: [Self.logProbability(first), Self.logProbability(second), Self.logProbability(third)],
          finish: .stop, text: ""))
    }
    return responses
  }

  /// Whether `responses(to:with:)` gives these, without making them again.
  func gives(_ responses: [Response], to unit: UnitID, with weights: [UInt8]) -> Bool {
    guard responses.count == groupSize else { return false }
    var random = draws(for: unit, with: weights)
    for member in responses.indices {
      guard responses[member].tokens.count == 3, responses[member].logProbabilities.count == 3,
        responses[member].finish == .stop, responses[member].text.isEmpty
      else { return false }
      for place in 0..<3 {
        let token = Self.token(&random)
        guard responses[member].tokens[place] == token,
          responses[member].logProbabilities[place] == Self.logProbability(token)
        else { return false }
      }
    }
    return true
  }

  private func draws(for unit: UnitID, with weights: [UInt8]) -> SimulationRandom {
    var hash = TraceHash()
    hash.mix(UInt64(unit.epoch) << 32 | UInt64(unit.prompt))
    // The engine holds the bytes of a version; its first ones are the part that training changes.
    weights.prefix(SHA256Digest.byteCount).withUnsafeBytes { hash.mix($0) }
    return SimulationRandom(seed: hash.value)
  }

  private static func token(_ random: inout SimulationRandom) -> Int32 { Int32(random.below(vocabulary)) }
  private static func logProbability(_ token: Int32) -> Float { -0.25 - Float(token) / 256 }

  static func outcome(of response: Response) -> Double { (response.tokens.first ?? 0) % 2 == 0 ? 1 : 0 }

  /// What the thinking-reward model says of a response.
  static func thinking(of response: Response) -> Double { Double((response.tokens.last ?? 0) % 11) / 10 }
}
