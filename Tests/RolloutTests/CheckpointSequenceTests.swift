import DurableFiles
import Testing

@testable import Rollout

@Suite("The checkpoints of a run")
struct CheckpointSequenceTests {
  private let policy = SHA256Digest(of: [])

  /// Checkpoints of steps 1, 2, ... with these accuracies, each durable before the next, and their folders removed.
  private func after(_ accuracies: [Double?], keeping: Int = 2, forgetsGroups: Bool = false) -> (
    kept: [UInt32], removed: [String], forgotten: [UInt32]
  ) {
    var sequence = CheckpointSequence(keeping: keeping, forgetsGroups: forgetsGroups, [], step: 0)
    var (ticket, removed, forgotten): (Int, [String], [UInt32]) = (0, [], [])
    for (index, accuracy) in accuracies.enumerated() {
      let step = UInt32(index + 1)
      sequence.noteAccuracy(accuracy, of: step)
      sequence.begin()
      ticket += 1
      sequence.made(step: step, path: "c\(step)", policy: policy, ticket: ticket)
      let first = sequence.retire(durableThrough: ticket)
      #expect(first.removable == nil)
      guard let retired = first.retired else { continue }
      if let step = first.forgetting { forgotten.append(step) }
      ticket += 1
      sequence.retiring(retired, ticket: ticket)
      removed += sequence.retire(durableThrough: ticket).removable ?? []
    }
    return (sequence.all.map(\.step), removed, forgotten)
  }

  @Test(
    "the newest are kept, and the best by held-out accuracy",
    arguments: [
      ([nil, nil, nil, nil], 2, [3, 4]), ([nil, nil, nil, nil], 3, [2, 3, 4]), ([nil, nil, nil], 1, [2, 3]),
      ([0.2, 0.9, 0.3, 0.4, 0.5], 2, [2, 4, 5]), ([0.5, 0.5, nil, nil, nil], 2, [2, 4, 5]),
      ([0.1, 0.2, 0.3, 0.4], 2, [3, 4]),
    ] as [([Double?], Int, [UInt32])])
  func kept(accuracies: [Double?], keeping: Int, expected: [UInt32]) {
    let found = after(accuracies, keeping: keeping)
    #expect(found.kept == expected)
    let gone = (1...UInt32(accuracies.count)).filter { !expected.contains($0) }.map { "c\($0)" }
    #expect(Set(found.removed) == Set(gone))
  }

  @Test("groups are forgotten only as far as no checkpoint that is kept needs them")
  func forgets() {
    #expect(after([nil, nil, nil, nil], forgetsGroups: true).forgotten == [2, 3])
    #expect(after([0.9, nil, nil, nil], forgetsGroups: true).forgotten == [1])
    #expect(after([nil, nil, nil, nil]).forgotten == [])
  }

  @Test("a folder is removed only after the journal has durably ceased to name it, and that after the new one is named")
  func order() {
    var sequence = CheckpointSequence(keeping: 2, forgetsGroups: false, [], step: 0)
    for step in 1...2 as ClosedRange<UInt32> { sequence.made(step: step, path: "c\(step)", policy: policy, ticket: Int(step)) }
    sequence.made(step: 3, path: "c3", policy: policy, ticket: 10)
    #expect(sequence.retire(durableThrough: 9).retired == nil)
    let step = sequence.retire(durableThrough: 10)
    #expect(step.retired?.map(\.step) == [1] && step.removable == nil)
    sequence.retiring(step.retired ?? [], ticket: 11)
    #expect(sequence.retire(durableThrough: 10).removable == nil)
    #expect(sequence.retire(durableThrough: 11).removable == ["c1"])
  }
}
