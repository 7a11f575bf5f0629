import DurableFiles
import Rollout
import Testing
import TrustGRPO
import Wire

@testable import Simulator

@Suite("The simulated world")
struct SimulatedWorldTests {
  @Test("events come in the order of their times, and of one time in the order in which they were posted")
  func order() {
    var queue = EventQueue<Int>()
    var random = SimulationRandom(seed: 3)
    let times = (0..<2000).map { _ in UInt64(random.below(300)) }
    var expected: [(UInt64, Int)] = []
    for (index, time) in times.enumerated() {
      queue.post(index, at: Instant(nanoseconds: time))
      expected.append((time, index))
    }
    expected.sort { $0 < $1 }
    for (time, index) in expected {
      let next = queue.popFirst()
      #expect(next?.at.nanoseconds == time && next?.event == index)
    }
    #expect(queue.popFirst() == nil && queue.count == 0)
  }

  @Test("elements are handed on in their order, each once, up to the one that is not taken")
  func handingOn() {
    struct Enough: Error {}
    var taken: [String] = []
    let elements = (0..<7).map { "\($0)" }
    elements.handOn { taken.append($0) }
    #expect(taken == elements)
    taken = []
    #expect(throws: Enough.self) {
      try elements.handOn {
        guard $0 != "3" else { throw Enough() }
        taken.append($0)
      }
    }
    #expect(taken == ["0", "1", "2"] && elements.count == 7)
  }

  @Test("responses are recognized as those of their unit and version, and as no others")
  func recognized() {
    let sampling = SimulatedSampling(groupSize: 3)
    let (unit, weights) = (UnitID(epoch: 1, prompt: 7), SimulatedPolicy().bytes)
    let responses = sampling.responses(to: unit, with: weights)
    #expect(sampling.gives(responses, to: unit, with: weights))
    var trained = SimulatedPolicy()
    trained.train([(unit, responses)])
    #expect(!sampling.gives(responses, to: unit, with: trained.bytes))
    #expect(!sampling.gives(responses, to: UnitID(epoch: 2, prompt: 7), with: weights))
    #expect(!sampling.gives(Array(responses.dropLast()), to: unit, with: weights))
    func changed(_ change: (inout Response) -> Void) -> [Response] {
      var others = responses
      change(&others[2])
      return others
    }
    for others in [
      changed { $0.tokens[2] ^= 1 }, changed { $0.logProbabilities[0] -= 0.5 }, changed { $0.tokens.append(1) },
      changed { $0.logProbabilities.removeLast() }, changed { $0.finish = .length }, changed { $0.text = "x" },
    ] {
      #expect(!sampling.gives(others, to: unit, with: weights))
    }
  }

  @Test("what was put together once is known again by everything that it was made from")
  func assembledOnce() {
    var policy = SimulatedPolicy()
    let base = policy.bytes
    policy.train([])
    let (manifest, bytes) = (policy.manifest, policy.bytes)
    let full = AssembledWeights(WeightAssembly(manifest: manifest, form: .full, collected: bytes), bytes)
    #expect(full.isMade(by: WeightAssembly(manifest: manifest, form: .full, collected: Array(bytes))))
    #expect(!full.isMade(by: WeightAssembly(manifest: manifest, form: .delta(base: base), collected: bytes)))
    #expect(!full.isMade(by: WeightAssembly(manifest: manifest, form: .full, collected: base)))
    #expect(!full.isMade(by: WeightAssembly(manifest: SimulatedPolicy().manifest, form: .full, collected: bytes)))
    let delta = AssembledWeights(WeightAssembly(manifest: manifest, form: .delta(base: base), collected: [1]), bytes)
    #expect(delta.isMade(by: WeightAssembly(manifest: manifest, form: .delta(base: Array(base)), collected: [1])))
    #expect(!delta.isMade(by: WeightAssembly(manifest: manifest, form: .delta(base: bytes), collected: [1])))
    #expect(!delta.isMade(by: WeightAssembly(manifest: manifest, form: .full, collected: [1])))
  }

  @Test("a disk that loses power keeps what was synced, under the names that were")
  func power() throws {
    var disk = SimulatedDisk()
    var random = SimulationRandom(seed: 1)
    try disk.append([1, 2, 3], to: "journal")
    try disk.sync("journal")
    disk.syncNames()
    try disk.append([4, 5], to: "journal")
    try disk.append([9], to: "new")
    try disk.sync("new")
    #expect(disk.read("journal") == [1, 2, 3, 4, 5])
    let (lost, torn) = disk.losePower(torn: false, &random)
    #expect(lost == 3 && torn == 0)
    #expect(disk.read("journal") == [1, 2, 3] && disk.read("new") == nil)
  }

  @Test("a rename is undone by a loss of power unless the folder was synced")
  func rename() throws {
    for isSynced in [false, true] {
      var disk = SimulatedDisk()
      var random = SimulationRandom(seed: 1)
      try disk.append([1], to: "c.partial")
      try disk.sync("c.partial")
      disk.syncNames()
      disk.rename("c.partial", to: "c")
      if isSynced { disk.syncNames() }
      _ = disk.losePower(torn: false, &random)
      #expect((disk.read("c") == [1]) == isSynced)
      #expect((disk.read("c.partial") == [1]) == !isSynced)
    }
  }

  @Test("a torn write leaves a beginning of what was not synced, with its end wrong")
  func torn() throws {
    for seed in 0..<50 as Range<UInt64> {
      var disk = SimulatedDisk()
      var random = SimulationRandom(seed: seed)
      let tail = (0..<40).map { UInt8($0) }
      try disk.append([7, 7], to: "journal")
      try disk.sync("journal")
      disk.syncNames()
      try disk.append(tail, to: "journal")
      let (_, torn) = disk.losePower(torn: true, &random)
      let bytes = try #require(disk.read("journal"))
      #expect(bytes.prefix(2) == [7, 7] && bytes.count == 2 + torn && torn >= 1)
    }
  }

  @Test("a disk that is full takes nothing, and an fsync that fails says so once")
  func failures() throws {
    var disk = SimulatedDisk()
    disk.isFull = true
    #expect(throws: SimulatedDisk.Failure.full) { try disk.append([1], to: "a") }
    disk.isFull = false
    try disk.append([1], to: "a")
    disk.failsNextSync = true
    #expect(throws: SimulatedDisk.Failure.inputOutput) { try disk.sync("a") }
    #expect(disk.syncedCount("a") == 0)
    try disk.sync("a")
    #expect(disk.syncedCount("a") == 1)
  }

  private let records: [JournalRecord] = [
    .incarnation(3), .issued(position: 12, unit: UnitID(epoch: 1, prompt: 7), step: 2),
    .leased(unit: UnitID(epoch: 1, prompt: 7), lease: LeaseID(incarnation: 3, number: 300), attempt: 2, worker: "worker-1", version: 1 << 40),
    .generated(unit: UnitID(epoch: 1, prompt: 7), lease: LeaseID(incarnation: 3, number: 300)),
    .leaseEnded(unit: UnitID(epoch: 1, prompt: 7), lease: LeaseID(incarnation: 3, number: 300), reason: "gone — für immer"),
    .deadLettered(unit: UnitID(epoch: 0, prompt: 0), reason: ""),
    .trained(TrainedStep(step: 9, units: [UnitID(epoch: 0, prompt: 4), UnitID(epoch: 2, prompt: 1)], metrics: [Metric("machine", 2)], policy: SHA256Digest(of: [1]))),
    .checkpointed(step: 9, path: "checkpoint-9.3", policy: SHA256Digest(of: [2])),
    .retired(checkpoints: [3, 6], forgetting: nil), .retired(checkpoints: [], forgetting: 0),
  ]

  private var file: JournalFile { JournalFile(codec: Codec(), settings: TrustGRPOSettings()) }

  @Test("records come back from their bytes as they were")
  func journal() throws {
    let bytes = file.bytes(of: records, wall: 5) + file.bytes(ofRollBackTo: 8, wall: 6) + file.bytes(of: [.incarnation(4)], wall: 7)
    let (entries, end) = try file.read(bytes, from: 0)
    #expect(end == bytes.count && entries.count == 3)
    guard case .commit(let first) = entries[0], case .rollBack(to: 8) = entries[1], case .commit([.incarnation(4)]) = entries[2] else {
      Issue.record("the entries are \(entries)")
      return
    }
    #expect(first == records)
  }

  @Test("an entry that was cut off or changed anywhere is none, and ends the journal")
  func damage() throws {
    let first = file.bytes(of: [.incarnation(1)], wall: 1)
    let whole = first + file.bytes(of: records, wall: 2)
    for count in first.count..<whole.count {
      let (entries, end) = try file.read(Array(whole.prefix(count)), from: 0)
      #expect(entries.count == 1 && end == first.count)
    }
    for index in first.count..<whole.count {
      var changed = whole
      changed[index] ^= 4
      let (entries, end) = try file.read(changed, from: 0)
      #expect(entries.count == 1 && end == first.count, "byte \(index)")
    }
  }

  @Test("a plan is the same after it was written down and read again")
  func planText() throws {
    for seed in 0..<200 as Range<UInt64> {
      let plan = FaultPlan(seed: seed, options: SimulationOptions()).drawn()
      #expect(plan.text.split(separator: ",").map { PlannedFault($0) } == plan)
    }
    for wrong in ["kill", "kill:@3", "kil:learner@3", "kill:learner@x", "kill:learner@-1", "kill:learner@1*0", "kill:learner@1*2", "kill:learner@1+", ""] {
      #expect(PlannedFault(wrong) == nil, "\(wrong)")
    }
  }

  @Test("a clock that runs fast shows more time, and says when it will show a moment")
  func clock() {
    var clock = ProcessClock()
    let start = Instant(nanoseconds: 5_000_000_000)
    clock.setRate(1.25, at: start)
    let shown = clock.instant(at: start)
    #expect(clock.instant(at: start + .seconds(4)) - shown == .seconds(5))
    #expect(clock.virtual(shown + .seconds(5)) - start == .seconds(4))
    clock.setRate(1, at: start + .seconds(4))
    #expect(clock.instant(at: start + .seconds(6)) - shown == .seconds(7))
  }

  @Test("what is drawn for one purpose does not depend on what was drawn for another")
  func streams() {
    var one = SimulationRandom(seed: 1, stream: 2, 3)
    var same = SimulationRandom(seed: 1, stream: 2, 3)
    var other = SimulationRandom(seed: 1, stream: 2, 4)
    #expect((0..<10).map { _ in one.next() } == (0..<10).map { _ in same.next() })
    #expect(one.next() != other.next())
  }
}
