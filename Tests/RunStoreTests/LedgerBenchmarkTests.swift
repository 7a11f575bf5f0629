import Testing

@testable import RunStore

@Suite("Speed of the ledger")
struct LedgerBenchmarkTests {
  /// Of the processor's time alone, since a test cannot know who else is using disk and processors. `sophia bench
  /// ledger` says what comes out with both.
  @Test("a group of 8 x 64 tokens takes the processor less than 1/2,000 s from issue to training")
  func speed() throws {
    let folder = try TemporaryFolder()
    var benchmark = LedgerBenchmark()
    benchmark.groups = 1024
    let measured = try benchmark.run(path: folder.file("run.sqlite"))
    #expect(measured.groups == 1024)
    #expect(measured.processorSeconds < 1024 / 2000.0)
    let audit = try RunReader(path: folder.file("run.sqlite")).audit()
    #expect(audit.problems == [])
    #expect(audit.counts == [.trained: 1024])
    print("\(measured.groupsPerSecond) groups/s, \(measured.processorSeconds / 1024 * 1e6) us of processor a group")
  }
}
