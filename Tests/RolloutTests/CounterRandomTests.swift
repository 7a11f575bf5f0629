import Testing

@testable import Rollout

@Suite("Random numbers that depend on what they are for")
struct CounterRandomTests {
  struct KnownAnswer: Sendable {
    let counter: [UInt32]
    let key: [UInt32]
    let output: [UInt32]
  }

  /// From `kat_vectors` of Random123, the reference implementation of Salmon et al.
  static let knownAnswers = [
    KnownAnswer(
      counter: [0, 0, 0, 0], key: [0, 0], output: [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    KnownAnswer(
      counter: [.max, .max, .max, .max], key: [.max, .max],
      output: [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    KnownAnswer(
      counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], key: [0xa409_3822, 0x299f_31d0],
      output: [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
  ]

  @Test("Philox4x32-10 gives the known answers of Random123", arguments: knownAnswers)
  func philox(_ known: KnownAnswer) {
    let c = known.counter
    let out = CounterRandom.philox(counter: (c[0], c[1], c[2], c[3]), key: (known.key[0], known.key[1]))
    #expect([out.0, out.1, out.2, out.3] == known.output)
  }

  @Test("seed, epoch, prompt, sample and position fill key and counter")
  func layout() {
    let random = CounterRandom(
      seed: 0x299f_31d0_a409_3822, epoch: 0x243f_6a88, prompt: 0x85a3_08d3, sample: 0x1319_8a2e)
    #expect(random.bits(at: 0x0370_7344) == 0xd16c_fe09_94fd_cceb)
    #expect(random.uniform(at: 0x0370_7344) == Double(0xd16c_fe09_94fd_cceb as UInt64 >> 11) / 9_007_199_254_740_992)
  }

  @Test("uniform numbers lie in [0, 1), with the mean and variance of the uniform distribution")
  func uniform() {
    let random = CounterRandom(seed: 7, epoch: 1, prompt: 2, sample: 3)
    let draws = (0..<20_000).map { random.uniform(at: $0) }
    let mean = draws.reduce(0, +) / Double(draws.count)
    let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws.count)
    #expect(draws.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(mean - 0.5) < 0.01 && abs(variance - 1.0 / 12) < 0.002)
  }
}

@Suite("The order of training")
struct ScheduleTests {
  @Test("every epoch is a permutation of the rows", arguments: [1, 2, 7, 100])
  func permutation(rows: Int) {
    var schedule = Schedule(rows: rows, seed: 5, shuffled: true)
    for epoch in 0..<3 {
      let units = (0..<rows).map { schedule.unit(at: epoch * rows + $0) }
      #expect(units.allSatisfy { $0.epoch == UInt32(epoch) })
      #expect(units.map(\.prompt).sorted() == (0..<UInt32(rows)).map { $0 })
    }
  }

  @Test("epochs and seeds are shuffled apart, and a position can be asked for in any order")
  func shuffles() {
    func order(seed: UInt64, epoch: Int) -> [UnitID] {
      var schedule = Schedule(rows: 50, seed: seed, shuffled: true)
      return (0..<50).reversed().map { schedule.unit(at: epoch * 50 + $0) }.reversed()
    }
    #expect(order(seed: 1, epoch: 0) == order(seed: 1, epoch: 0))
    #expect(order(seed: 1, epoch: 0).map(\.prompt) != order(seed: 1, epoch: 1).map(\.prompt))
    #expect(order(seed: 1, epoch: 0).map(\.prompt) != order(seed: 2, epoch: 0).map(\.prompt))
  }

  @Test("without shuffling, rows come in their own order")
  func plain() {
    var schedule = Schedule(rows: 3, seed: 1, shuffled: false)
    #expect((0..<5).map { schedule.unit(at: $0).prompt } == [0, 1, 2, 0, 1])
  }
}
