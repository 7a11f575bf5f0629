internal import DurableFiles
internal import Rollout
internal import TrustGRPO
internal import Wire

/// Journal records as bytes, for the simulated disk: a tag, then numbers as variable-length integers, texts and groups
/// with their length before them.
struct RecordBytes {
  /// Of an entry that holds no records.
  static let rollBackTag: UInt8 = 255

  private(set) var bytes: [UInt8] = []
  private let codec: Codec

  init(_ codec: Codec) {
    self.codec = codec
  }

  /// - Parameter encoded: the bytes of a group, if it has been encoded before.
  mutating func append(_ record: JournalRecord, _ encoded: (ScoredGroup) -> [UInt8]?) {
    switch record {
    case .incarnation(let number):
      bytes.append(0)
      put(number)
    case .issued(let position, let unit, let step):
      bytes.append(1)
      put(position)
      put(unit)
      put(step)
    case .leased(let unit, let lease, let attempt, let worker, let version):
      bytes.append(2)
      put(unit)
      put(lease)
      put(attempt)
      put(worker)
      put(version)
    case .generated(let unit, let lease):
      bytes.append(3)
      put(unit)
      put(lease)
    case .leaseEnded(let unit, let lease, let reason):
      bytes.append(4)
      put(unit)
      put(lease)
      put(reason)
    case .admitted(let group, let worker, let scorer):
      bytes.append(5)
      put(encoded(group) ?? codec.encode(group).header)
      put(worker)
      put(scorer)
    case .deadLettered(let unit, let reason):
      bytes.append(6)
      put(unit)
      put(reason)
    case .trained(let step):
      bytes.append(7)
      put(step.step)
      put(step.units.count)
      for unit in step.units { put(unit) }
      put(step.metrics.first.map { Int($0.value) } ?? 0)
      bytes += step.policy.bytes
    case .checkpointed(let step, let path, let policy):
      bytes.append(8)
      put(step)
      put(path)
      bytes += policy.bytes
    case .retired(let checkpoints, let forgetting):
      bytes.append(9)
      put(checkpoints.count)
      for step in checkpoints { put(step) }
      put(UInt64(forgetting.map { UInt64($0) + 1 } ?? 0))
    }
  }

  private mutating func put(_ number: some FixedWidthInteger) {
    var rest = UInt64(number)
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func put(_ data: [UInt8]) {
    put(data.count)
    bytes += data
  }

  private mutating func put(_ text: String) {
    put(text.utf8.count)
    bytes += text.utf8
  }

  private mutating func put(_ unit: UnitID) {
    put(unit.epoch)
    put(unit.prompt)
  }

  private mutating func put(_ lease: LeaseID) {
    put(lease.incarnation)
    put(lease.number)
  }
}

/// Reads back what `RecordBytes` wrote. What it did not write throws; it never traps.
struct RecordReader {
  struct Damage: Error {}

  private let bytes: ArraySlice<UInt8>
  private var offset: Int
  private let codec: Codec
  private let settings: TrustGRPOSettings

  init(_ bytes: ArraySlice<UInt8>, _ codec: Codec, _ settings: TrustGRPOSettings) {
    self.bytes = bytes
    offset = bytes.startIndex
    self.codec = codec
    self.settings = settings
  }

  mutating func next() throws -> JournalRecord? {
    guard offset < bytes.endIndex else { return nil }
    switch try byte() {
    case 0: return .incarnation(try number())
    case 1: return .issued(position: try number(), unit: try unit(), step: try number())
    case 2:
      return .leased(
        unit: try unit(), lease: try lease(), attempt: try number(), worker: try text(), version: try number())
    case 3: return .generated(unit: try unit(), lease: try lease())
    case 4: return .leaseEnded(unit: try unit(), lease: try lease(), reason: try text())
    case 5:
      let group = try codec.scoredGroup(Frame(Array(try data())), settings: settings)
      return .admitted(group, worker: try text(), scorer: try text())
    case 6: return .deadLettered(unit: try unit(), reason: try text())
    case 7:
      let step: UInt32 = try number()
      var units: [UnitID] = []
      for _ in 0..<(try number() as Int) { units.append(try unit()) }
      // The simulated trainer says one thing about a step: on which machine it was trained.
      let machine: Int = try number()
      return .trained(TrainedStep(step: step, units: units, metrics: [Metric("machine", Double(machine))], policy: try digest()))
    case 8: return .checkpointed(step: try number(), path: try text(), policy: try digest())
    case 9:
      var steps: [UInt32] = []
      for _ in 0..<(try number() as Int) { steps.append(try number()) }
      let forgetting: UInt64 = try number()
      return .retired(checkpoints: steps, forgetting: forgetting == 0 ? nil : UInt32(forgetting - 1))
    default: throw Damage()
    }
  }

  private mutating func byte() throws -> UInt8 {
    guard offset < bytes.endIndex else { throw Damage() }
    defer { offset += 1 }
    return bytes[offset]
  }

  private mutating func number<Number: FixedWidthInteger>() throws -> Number {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      let next = try byte()
      value |= UInt64(next & 127) << UInt64(shift)
      guard next >= 128 else {
        guard let number = Number(exactly: value) else { throw Damage() }
        return number
      }
    }
    throw Damage()
  }

  private mutating func data() throws -> ArraySlice<UInt8> {
    let count: Int = try number()
    guard count <= bytes.endIndex - offset else { throw Damage() }
    defer { offset += count }
    return bytes[offset..<offset + count]
  }

  private mutating func text() throws -> String { String(decoding: try data(), as: UTF8.self) }
  private mutating func unit() throws -> UnitID { UnitID(epoch: try number(), prompt: try number()) }
  private mutating func lease() throws -> LeaseID { LeaseID(incarnation: try number(), number: try number()) }

  private mutating func digest() throws -> SHA256Digest {
    guard bytes.endIndex - offset >= SHA256Digest.byteCount else { throw Damage() }
    defer { offset += SHA256Digest.byteCount }
    guard let digest = SHA256Digest(bytes: Array(bytes[offset..<offset + SHA256Digest.byteCount])) else { throw Damage() }
    return digest
  }
}
