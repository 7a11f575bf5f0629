import DurableFiles
import Foundation
import Limits
import Rollout
import Synchronization
import Testing
import Wire

@testable import Cluster

@Suite("The services, joined in memory", .timeLimit(.minutes(1)))
struct InMemoryRunTests {
  /// The policy of a run of one worker in which nothing is lost.
  private func undisturbed() async throws -> SHA256Digest {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path)
    async let worker = run.runWorker("w")
    async let scorer = run.runScorer()
    #expect(try await run.runLearner() == .completed)
    #expect(await (worker, scorer) == (.completed, .completed))
    return run.trainer.manifest.digest
  }

  @Test("a run of two workers and a scorer trains every unit in schedule order, and all processes end with it")
  func endToEnd() async throws {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path)
    let generators = [FakeGenerator(), FakeGenerator()]
    for (generator, other) in zip(generators, generators.reversed()) { generator.company.withLock { $0 = [other] } }
    async let first = run.runWorker("w0", generators[0])
    async let second = run.runWorker("w1", generators[1])
    async let scorer = run.runScorer()
    #expect(try await run.runLearner() == .completed)
    #expect(await [first, second, scorer] == [.completed, .completed, .completed])

    var schedule = Schedule(rows: 5, seed: 1, shuffled: true)
    #expect(run.journal.trained.flatMap(\.units) == (0..<12).map { schedule.unit(at: $0) })
    #expect(run.journal.records.contains { if case .checkpointed(4, _, _) = $0 { true } else { false } })
    for generator in generators {
      #expect(generator.prepared.withLock { $0?.settings } == "{\"n\": 2}")
      #expect(generator.prepared.withLock { $0?.config } == Array("{\"model_type\": \"test\"}".utf8))
      #expect(generator.generated.withLock { $0 } > 0)
    }
    #expect(run.trainer.manifest.digest == (try await undisturbed()))
  }

  @Test("a worker fetches its first version whole, and every later one as a delta")
  func deltas() async throws {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path)
    let fetched = Mutex<[Fetch.Source]>([])
    run.hub.lose { crossing in
      if crossing.sender?.name == "w", case .fetch(let fetch)? = try? Codec().peerMessage(crossing.frame) {
        fetched.withLock { $0.append(fetch.source) }
      }
      return false
    }
    async let worker = run.runWorker("w")
    async let scorer = run.runScorer()
    #expect(try await run.runLearner() == .completed)
    #expect(await (worker, scorer) == (.completed, .completed))
    let versions = fetched.withLock { $0 }.filter { if case .artifact = $0 { false } else { true } }
    // After the last version there may be no time to fetch it.
    let expected: [Fetch.Source] = [.weights(version: 0)] + (1...4).map { .delta(version: $0) }
    #expect(versions.count >= 4 && versions == Array(expected.prefix(versions.count)))
  }

  @Test("frames that are lost on every plane change nothing but the time it takes")
  func lossy() async throws {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path)
    let count = Mutex(0)
    run.hub.lose { _ in
      count.withLock { count in
        count += 1
        return count < 400 && CounterRandom(seed: 3, epoch: 0, prompt: 0, sample: 0).uniform(at: UInt32(count)) < 0.15
      }
    }
    async let first = run.runWorker("w0")
    async let second = run.runWorker("w1")
    async let scorer = run.runScorer()
    #expect(try await run.runLearner() == .completed)
    #expect(await [first, second, scorer] == [.completed, .completed, .completed])
    #expect(run.trainer.manifest.digest == (try await undisturbed()))
  }

  @Test("a worker that hangs in the middle of a group and a worker that is cut off do not hold the run up")
  func deadWorkers() async throws {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path)
    let cut = FakeGenerator(pause: .milliseconds(100))
    let hung = Task { await run.runWorker("hung", FakeGenerator(pause: .seconds(600))) }
    let lost = Task { await run.runWorker("lost", cut) }
    async let scorer = run.runScorer()
    let learner = Task { try await run.runLearner(leaseDuration: .seconds(2)) }
    try await Task.sleep(for: .milliseconds(400))
    run.hub.cut("lost")
    async let healthy = run.runWorker("healthy")
    #expect(try await learner.value == .completed)
    #expect(await (healthy, scorer) == (.completed, .completed))
    #expect(await hung.value == .completed)  // the farewell reaches it although its engine is busy
    #expect(run.journal.trained.count == 4)
    lost.cancel()
  }

  @Test("a learner that is stopped finishes its step, makes a checkpoint and takes everyone along within seconds")
  func stop() async throws {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path, trainer: FakeTrainer(pause: .milliseconds(50)))
    async let worker = run.runWorker("w")
    async let scorer = run.runScorer()
    let learner = Task { try await run.runLearner(steps: 100_000) }
    while run.journal.trained.count < 3 { try await Task.sleep(for: .milliseconds(10)) }
    let start = ContinuousClock.now
    run.stop()
    #expect(try await learner.value == .interrupted(reason: "Ctrl-C"))
    let abandoned = RunEnd.abandoned(reason: "the run was stopped: Ctrl-C")
    #expect(await (worker, scorer) == (abandoned, abandoned))
    #expect(ContinuousClock.now - start < .seconds(5))
    let last = try #require(run.journal.trained.last)
    let checkpoint = JournalRecord.checkpointed(
      step: last.step, path: "checkpoints/\(last.step)", policy: last.policy)
    #expect(run.journal.records.contains(checkpoint))
  }

  @Test("a worker that is stopped hands in what it has and leaves; the run goes on with the other")
  func stopWorker() async throws {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path)
    let (service, hello) = run.worker("leaver", FakeGenerator(pause: .milliseconds(50)))
    let leaver = Task { await service.run(hello: hello, settings: InMemoryRun.workerSettings, seed: 1) }
    async let scorer = run.runScorer()
    let learner = Task { try await run.runLearner() }
    while run.journal.trained.count < 1 { try await Task.sleep(for: .milliseconds(10)) }
    service.stop(reason: "rolling restart")
    #expect(await leaver.value == .interrupted(reason: "rolling restart"))
    async let other = run.runWorker("other")
    #expect(try await learner.value == .completed)
    #expect(await (other, scorer) == (.completed, .completed))
  }

  @Test("a journal that fails ends the run with its reason, and the peers with it")
  func journalFailure() async throws {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path, journal: MemoryJournal(good: 6))
    async let worker = run.runWorker("w")
    async let scorer = run.runScorer()
    #expect(try await run.runLearner() == .failed(reason: "the journal: the disk is full; free some space"))
    let abandoned = RunEnd.abandoned(reason: "the learner failed: the journal: the disk is full; free some space")
    #expect(await (worker, scorer) == (abandoned, abandoned))
  }

  @Test("a row that no message can carry is dead-lettered by name")
  func oversized() async throws {
    let folder = try TemporaryFolder()
    let run = try InMemoryRun(folder: folder.path, catalogue: FakeCatalogue(imageSize: Limits.standard.messages.control))
    async let worker = run.runWorker("w")
    async let scorer = run.runScorer()
    #expect(try await run.runLearner(steps: 1, maximumAttempts: 3) == .completed)
    #expect(await (worker, scorer) == (.completed, .completed))
    let reasons = run.journal.records.compactMap { if case .deadLettered(_, let reason) = $0 { reason } else { nil } }
    #expect(reasons.count == 3 && reasons.allSatisfy { $0.contains("use smaller image files") }, "\(reasons)")
  }
}
