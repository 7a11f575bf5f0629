import Testing

@testable import Runs

@Suite("The benchmark of new weights", .timeLimit(.minutes(2)))
struct BroadcastBenchmarkTests {
  @Test("every way brings a version to all receivers, with and without CURVE")
  func broadcast() async throws {
    var benchmark = BroadcastBenchmark()
    (benchmark.byteCount, benchmark.workers, benchmark.transfer.chunk) = (5 << 20, 2, 1 << 18)
    let measured = try await benchmark.run()
    #expect(measured.count == 8 && measured.allSatisfy { $0.seconds > 0 && $0.coreSeconds > 0 })
    #expect(Set(measured.map { "\($0.way) \($0.curve)" }).count == 8)
  }

  @Test("a delta of bf16 weights sends a few hundredths of them, and one of float32 weights more")
  func deltas() {
    var benchmark = DeltaBenchmark()
    benchmark.parameters = 1 << 18
    let shares = benchmark.simulated().map(\.share)
    #expect(shares[0] < 0.05 && shares[0] < shares[1] && shares[1] < shares[2] && shares[2] < 1)
  }
}
